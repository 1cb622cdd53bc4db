import { useEffect, useState } from 'react';
import { Icon } from './icon';

const CONFIRM_MS = 1_500;

/** Writes to the clipboard; false when the browser forbids it, as it does on pages without TLS off this machine. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
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
