import { useEffect, useRef, useState } from 'react';
import { Icon } from '../ui/icon';
import { isElsewhere } from './use-list-keys';

/** Typing asks the gateway to read conversations; not for every letter. */
const TYPING_PAUSE_MS = 350;

interface SearchBoxProps {
  readonly search: string;
  readonly onChange: (search: string) => void;
}

/** Searches the messages. Slash goes here from anywhere in the list. */
export function SearchBox({ search, onChange }: SearchBoxProps) {
  const [typed, setTyped] = useState(search);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  // The address changed by other means: back, "clear all".
  useEffect(() => setTyped(search), [search]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== '/' || isElsewhere(event.target) || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    document.addEventListener('keydown', focus);
    return () => document.removeEventListener('keydown', focus);
  }, []);

  const apply = (text: string) => {
    clearTimeout(timer.current);
    if (text !== search) onChange(text);
  };
  return (
    <search className="search-box">
      <Icon name="search" />
      <input
        ref={input}
        className="input"
        type="search"
        placeholder="Search messages"
        aria-label="Search messages"
        aria-keyshortcuts="/"
        value={typed}
        onChange={event => {
          const text = event.target.value;
          setTyped(text);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => apply(text), TYPING_PAUSE_MS);
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') apply(typed);
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          if (typed === '') input.current?.blur();
          setTyped('');
          apply('');
        }}
      />
      <span className="key" aria-hidden="true">
        /
      </span>
    </search>
  );
}
