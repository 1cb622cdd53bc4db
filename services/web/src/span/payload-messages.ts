export interface PayloadMessage {
  readonly role: string;
  readonly text: string | null;
  /** What is not text: tool calls, results, media, as they are. */
  readonly rest: unknown;
}

type Fields = Record<string, unknown>;

/** The messages that a payload is made of, or null when it is something else. JSON in a string is opened up. */
export function messagesIn(value: unknown): readonly PayloadMessage[] | null {
  const opened = typeof value === 'string' ? parse(value) : value;
  const list = isFields(opened) && Array.isArray(opened.messages) ? opened.messages : opened;
  const items: unknown[] = Array.isArray(list) ? list : [list];
  if (items.length === 0 || !items.every(isMessage)) return null;
  return items.map(read);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMessage(value: unknown): value is Fields {
  return isFields(value) && typeof value.role === 'string';
}

function read(message: Fields): PayloadMessage {
  // Why the model stopped stands among the span's facts.
  const { role, content, parts, finish_reason: _, ...others } = message;
  const body = parts ?? content;
  const pieces: unknown[] = Array.isArray(body) ? body : body === null || body === undefined ? [] : [body];
  const texts = pieces.map(textOf);
  const unread = pieces.filter((_, index) => texts[index] === null);
  const extra = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== null && value !== undefined));
  const rest = unread.length > 0 || Object.keys(extra).length > 0;
  return {
    role: String(role),
    text: texts.some(text => text !== null) ? texts.filter(text => text !== null).join('\n') : null,
    rest: rest ? (unread.length === 0 ? extra : Object.keys(extra).length === 0 ? unread : { ...extra, unread }) : null,
  };
}

function textOf(piece: unknown): string | null {
  if (typeof piece === 'string') return piece;
  if (!isFields(piece)) return null;
  const isText = piece.type === 'text' || piece.type === 'input_text' || piece.type === 'output_text';
  if (!isText && piece.type !== undefined) return null;
  const text = piece.text ?? piece.content;
  return typeof text === 'string' ? text : null;
}
