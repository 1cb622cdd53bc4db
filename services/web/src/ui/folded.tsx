import { type ReactNode, useState } from 'react';

interface FoldedProps {
  readonly text: string;
  /** What is drawn of a text, whole or cut. */
  readonly children: (text: string) => ReactNode;
  readonly chars?: number;
  readonly lines?: number;
}

/** Draws the beginning of a long text and the rest on demand: one huge result must not bury the conversation. */
export function Folded({ text, children, chars = 2_400, lines = 32 }: FoldedProps) {
  const [isOpen, setOpen] = useState(false);
  const cut = cutAt(text, chars, lines);
  if (cut >= text.length) return children(text);
  return (
    <>
      {children(isOpen ? text : `${text.slice(0, cut)}…`)}
      <button type="button" className="link-button fold-button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? 'Show less' : `Show all ${text.length.toLocaleString('en-US')} characters`}
      </button>
    </>
  );
}

/** Where to cut; the length when what would be hidden is hardly more than the button that shows it. */
export function cutAt(text: string, chars: number, lines: number): number {
  let cut = chars;
  let position = -1;
  for (let line = 0; line < lines; line += 1) {
    position = text.indexOf('\n', position + 1);
    if (position === -1) break;
  }
  if (position !== -1) cut = Math.min(cut, position);
  return text.length <= cut * 1.25 ? text.length : cut;
}
