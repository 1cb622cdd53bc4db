import { type ReactNode, useMemo } from 'react';
import { Folded } from './folded';

/** Longer values are drawn without colours: one element per token would be too many. */
const COLOURED_CHARS_MAX = 20_000;

/** A value as text: strings that hold JSON are opened up, other strings stay as they are. */
export function formatJson(value: unknown): string {
  if (typeof value === 'string') {
    const inner = parseContainer(value);
    return inner === undefined ? value : JSON.stringify(inner, null, 2);
  }
  return JSON.stringify(value, null, 2) ?? 'undefined';
}

/** Tools often return JSON as a string; only objects and arrays count, so that "42" stays what was said. */
function parseContainer(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One line of a value, for where there is room for one. */
export function jsonPreview(value: unknown, chars = 120): string {
  if (value === null || value === undefined) return '';
  const isMap = typeof value === 'object' && !Array.isArray(value);
  const text = isMap
    ? Object.entries(value)
        .map(([key, each]) => `${key}: ${typeof each === 'string' ? each : JSON.stringify(each)}`)
        .join(', ')
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
  const line = text.slice(0, chars * 2).replace(/\s+/g, ' ');
  return line.length > chars ? `${line.slice(0, chars)}…` : line;
}

interface JsonProps {
  readonly value: unknown;
  readonly label: string;
  readonly lines?: number;
}

/** A value, pretty and folded when long. It is text all the way: nothing in it is ever markup. */
export function Json({ value, label, lines = 18 }: JsonProps) {
  const text = useMemo(() => formatJson(value), [value]);
  const isJson = typeof value !== 'string' || text !== value;
  return (
    <div className="json">
      <Folded text={text} lines={lines}>
        {shown => (
          <pre tabIndex={0} role="group" aria-label={label}>
            {isJson && shown.length <= COLOURED_CHARS_MAX ? colour(shown) : shown}
          </pre>
        )}
      </Folded>
    </div>
  );
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function colour(text: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let from = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    const kind = match[2] ? 'key' : match[1] ? 'string' : 'literal';
    parts.push(
      <span key={match.index} className={`json-${kind}`}>
        {match[0]}
      </span>,
    );
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}
