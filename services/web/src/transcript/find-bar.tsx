import { useEffect, useMemo, useRef, useState } from 'react';
import type { Message } from '../api/model';
import { formatCount } from '../format/number';
import { Icon } from '../ui/icon';
import { failedMessages, findMessages } from './find';

/** Searching thousands of messages for every letter would make typing slow. */
const TYPING_PAUSE_MS = 150;

interface FindBarProps {
  readonly messages: readonly Message[];
  /** Messages that are still being read and so cannot be found yet. */
  readonly unread: number;
  /** Shows a message; null when nothing is looked for any more. */
  readonly onTarget: (id: string | null) => void;
}

/** Finds within the conversation. The browser's own search sees only the messages that are drawn. */
export function FindBar({ messages, unread, onTarget }: FindBarProps) {
  const [typed, setTyped] = useState('');
  const [text, setText] = useState('');
  const [at, setAt] = useState<{ id: string } | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const found = useMemo(() => findMessages(messages, text), [messages, text]);
  const failed = useMemo(() => failedMessages(messages), [messages]);

  useEffect(() => {
    const timer = setTimeout(() => setText(typed), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useSlash(input);

  const go = (ids: readonly string[], step: 1 | -1) => {
    if (ids.length === 0) return;
    const index = ids.indexOf(at?.id ?? '');
    const next = index === -1 ? (step === 1 ? 0 : ids.length - 1) : (index + step + ids.length) % ids.length;
    const id = ids[next];
    if (id === undefined) return;
    setAt({ id });
    onTarget(id);
  };
  const place = found.indexOf(at?.id ?? '');
  const count = found.length === 0 ? 'None' : place === -1 ? `${found.length}` : `${place + 1} of ${found.length}`;

  return (
    <search className="find-bar">
      <Icon name="search" />
      <input
        ref={input}
        className="input"
        type="search"
        placeholder="Find in conversation"
        aria-label="Find in conversation"
        value={typed}
        onChange={event => setTyped(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            event.preventDefault();
            // Enter may come before the pause is over.
            if (text === typed) go(found, event.shiftKey ? -1 : 1);
            else go(findMessages(messages, typed), 1);
            setText(typed);
          }
          if (event.key === 'Escape' && typed !== '') {
            event.stopPropagation();
            setTyped('');
            onTarget(null);
          }
        }}
      />
      {text !== '' && (
        <>
          <span className="find-count numbers" role="status">
            {count}
          </span>
          <FindButton label="Previous match" icon="up" onClick={() => go(found, -1)} disabled={found.length === 0} />
          <FindButton label="Next match" icon="down" onClick={() => go(found, 1)} disabled={found.length === 0} />
        </>
      )}
      {unread > 0 && <span className="find-count numbers">{formatCount(unread)} more to read …</span>}
      {failed.length > 0 && text === '' && (
        <button type="button" className="button is-quiet find-errors" onClick={() => go(failed, 1)}>
          <Icon name="alert" />
          Next error
        </button>
      )}
    </search>
  );
}

interface FindButtonProps {
  readonly label: string;
  readonly icon: 'up' | 'down';
  readonly onClick: () => void;
  readonly disabled: boolean;
}

function FindButton({ label, icon, onClick, disabled }: FindButtonProps) {
  return (
    <button
      type="button"
      className="button is-quiet is-icon"
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={disabled}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Slash within the conversation goes here; elsewhere it goes to the list's search. */
function useSlash(input: React.RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || !(event.target instanceof Element)) return;
      const panel = input.current?.closest('.panel');
      const isHere = panel?.contains(event.target) || (event.target === document.body && panel?.tagName === 'MAIN');
      if (!isHere || event.target.closest('input, textarea')) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [input]);
}
