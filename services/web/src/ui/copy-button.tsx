import { useEffect, useState } from 'react';
import { Icon } from './icon';

const CONFIRM_MS = 1_500;

/** Writes to the clipboard; false when the browser forbids it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Without TLS, off this machine, browsers have no clipboard but still copy what is selected. */
function copyBySelection(text: string): boolean {
  const holder = document.createElement('textarea');
  holder.value = text;
  holder.className = 'visually-hidden';
  document.body.append(holder);
  holder.select();
  const copied = document.execCommand('copy');
  holder.remove();
  return copied;
}

interface CopyButtonProps {
  /** What is copied, made only when asked for. */
  readonly text: () => string;
  readonly label: string;
  /** Shown beside the icon; without it the button is an icon with `label` as its name. */
  readonly children?: string;
  readonly icon?: 'copy' | 'link';
}

export function CopyButton({ text, label, children, icon = 'copy' }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'copied' | 'failed' | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const said = outcome === 'copied' ? 'Copied' : outcome === 'failed' ? 'The browser does not allow copying' : null;
  return (
    <button
      type="button"
      className={`button is-quiet ${children ? '' : 'is-icon'}`}
      aria-label={said ?? label}
      title={said ?? label}
      onClick={async event => {
        event.stopPropagation();
        setOutcome((await copyText(text())) ? 'copied' : 'failed');
      }}
    >
      <Icon name={outcome === 'copied' ? 'check' : outcome === 'failed' ? 'alert' : icon} />
      {children}
    </button>
  );
}
