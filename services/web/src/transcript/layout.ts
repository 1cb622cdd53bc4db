import type { Message } from '../api/model';

/** A row of the transcript as it is drawn. `depth` counts the sub-agent threads that it stands in. */
export type TranscriptRow =
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly depth: number;
      readonly message: Message;
      /** Whether it goes on speaking for the same agent as the row above, which then need not be named again. */
      readonly continues: boolean;
    }
  | {
      readonly kind: 'thread';
      readonly key: string;
      readonly depth: number;
      readonly thread: number;
      readonly messages: readonly Message[];
      readonly expanded: boolean;
    }
  | {
      readonly kind: 'superseded';
      readonly key: string;
      readonly depth: number;
      readonly messages: readonly Message[];
      readonly expanded: boolean;
    }
  | { readonly kind: 'day'; readonly key: string; readonly depth: 0; readonly timestamp: string };

/** What the reader has opened and closed; what is in neither set is as `isOpenByItself` has it. */
export interface Folding {
  readonly opened: ReadonlySet<string>;
  readonly closed: ReadonlySet<string>;
}

export const NOTHING_FOLDED: Folding = { opened: new Set(), closed: new Set() };

/** Longer threads begin folded: the main thread should stay readable as one. */
const SHORT_THREAD_MESSAGES = 12;

export function toggled(folding: Folding, key: string, expanded: boolean): Folding {
  const opened = new Set(folding.opened);
  const closed = new Set(folding.closed);
  if (expanded) {
    opened.delete(key);
    closed.add(key);
  } else {
    closed.delete(key);
    opened.add(key);
  }
  return { opened, closed };
}

export function opened(folding: Folding, keys: readonly string[]): Folding {
  const result = { opened: new Set(folding.opened), closed: new Set(folding.closed) };
  for (const key of keys) {
    result.opened.add(key);
    result.closed.delete(key);
  }
  return result;
}

export const threadKey = (thread: number) => `thread-${thread}`;
export const supersededKey = (first: Message) => `superseded-${first.id}`;

/** Lays the messages out: each thread under what opened it, superseded runs folded, days marked. */
export function layout(messages: readonly Message[], folding: Folding): TranscriptRow[] {
  const forest = plant(messages);
  const rows: TranscriptRow[] = [];
  emit(forest, forest.roots, 0, folding, rows, new Set());
  return withDays(rows);
}

interface Forest {
  readonly threads: ReadonlyMap<number, readonly Message[]>;
  /** Threads in the order they were met, by the id of the message after which they stand. */
  readonly below: ReadonlyMap<string, readonly number[]>;
  readonly roots: readonly number[];
}

function plant(messages: readonly Message[]): Forest {
  const threads = new Map<number, Message[]>();
  const openers = new Map<string, Message>();
  for (const message of messages) {
    const thread = threads.get(message.thread);
    if (thread) thread.push(message);
    else threads.set(message.thread, [message]);
    for (const span of message.spans) openers.set(span.id, message);
    for (const call of message.toolCalls) {
      openers.set(call.id, message);
      if (call.span) openers.set(call.span.id, message);
    }
  }
  const below = new Map<string, number[]>();
  const roots: number[] = [];
  let previous: Message | null = null;
  const seen = new Set<number>();
  for (const message of messages) {
    if (!seen.has(message.thread)) {
      seen.add(message.thread);
      const opener = message.threadParent === null ? undefined : openers.get(message.threadParent);
      // The reading order puts a thread after its opener even where the opener's span is not among the messages.
      const anchor = opener ?? (message.thread === 0 ? null : previous);
      if (anchor && anchor.thread !== message.thread) push(below, anchor.id, message.thread);
      else roots.push(message.thread);
    }
    if (message.thread === 0) previous = message;
  }
  addUnreached(threads, below, roots);
  return { threads, below, roots: roots.sort((a, b) => a - b) };
}

/** Threads that open each other hang from nothing: the first of them becomes a root, so that nothing is lost. */
function addUnreached(
  threads: ReadonlyMap<number, readonly Message[]>,
  below: ReadonlyMap<string, readonly number[]>,
  roots: number[],
): void {
  const reached = new Set<number>();
  const reach = (first: number) => {
    const open = [first];
    for (let thread = open.pop(); thread !== undefined; thread = open.pop()) {
      if (reached.has(thread)) continue;
      reached.add(thread);
      for (const message of threads.get(thread) ?? []) open.push(...(below.get(message.id) ?? []));
    }
  };
  roots.forEach(reach);
  for (const thread of threads.keys()) {
    if (reached.has(thread)) continue;
    roots.push(thread);
    reach(thread);
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function emit(
  forest: Forest,
  threads: readonly number[],
  depth: number,
  folding: Folding,
  rows: TranscriptRow[],
  entered: Set<number>,
): void {
  for (const thread of threads) {
    const messages = forest.threads.get(thread) ?? [];
    if (entered.has(thread)) continue;
    entered.add(thread);
    if (depth > 0) {
      const key = threadKey(thread);
      const expanded = isExpanded(folding, key, messages.length <= SHORT_THREAD_MESSAGES);
      rows.push({ kind: 'thread', key, depth, thread, messages, expanded });
      if (!expanded) continue;
    }
    emitThread(forest, messages, depth, folding, rows, entered);
  }
}

function emitThread(
  forest: Forest,
  messages: readonly Message[],
  depth: number,
  folding: Folding,
  rows: TranscriptRow[],
  entered: Set<number>,
): void {
  let speaker: string | null = null;
  for (let index = 0; index < messages.length; ) {
    const message = messages[index] as Message;
    if (message.superseded) {
      const run = supersededRun(messages, index);
      const key = supersededKey(message);
      const expanded = isExpanded(folding, key, false);
      rows.push({ kind: 'superseded', key, depth, messages: run, expanded });
      for (const each of run) {
        if (expanded) rows.push({ kind: 'message', key: each.id, depth, message: each, continues: false });
        if (expanded) emit(forest, forest.below.get(each.id) ?? [], depth + 1, folding, rows, entered);
      }
      speaker = null;
      index += run.length;
      continue;
    }
    const voice = message.role === 'ASSISTANT' ? `${message.agent ?? ''}\u0000${message.model ?? ''}` : null;
    rows.push({ kind: 'message', key: message.id, depth, message, continues: voice !== null && voice === speaker });
    speaker = voice;
    const children = forest.below.get(message.id) ?? [];
    emit(forest, children, depth + 1, folding, rows, entered);
    if (children.length > 0) speaker = null;
    index += 1;
  }
}

function supersededRun(messages: readonly Message[], start: number): readonly Message[] {
  let end = start;
  while (messages[end]?.superseded) end += 1;
  return messages.slice(start, end);
}

function isExpanded(folding: Folding, key: string, byItself: boolean): boolean {
  if (folding.closed.has(key)) return false;
  return folding.opened.has(key) || byItself;
}

/** A line where the day changes, in the reader's zone, but not above the first message: the header has its date. */
function withDays(rows: readonly TranscriptRow[]): TranscriptRow[] {
  const result: TranscriptRow[] = [];
  let day: string | null = null;
  for (const row of rows) {
    if (row.kind === 'message' && row.depth === 0) {
      const { timestamp } = row.message;
      const next = new Date(Date.parse(timestamp)).toDateString();
      if (day !== null && next !== day) result.push({ kind: 'day', key: `day-${row.key}`, depth: 0, timestamp });
      day = next;
    }
    result.push(row);
  }
  return result;
}

/** The keys that have to be open for a message to be seen. */
export function foldsAround(messages: readonly Message[], id: string): string[] {
  const byId = new Map(messages.map(message => [message.id, message]));
  const forest = plant(messages);
  const anchors = new Map<number, string>();
  for (const [anchor, threads] of forest.below) for (const thread of threads) anchors.set(thread, anchor);
  const keys: string[] = [];
  let message = byId.get(id);
  const passed = new Set<number>();
  while (message !== undefined && !passed.has(message.thread)) {
    passed.add(message.thread);
    if (message.superseded) {
      const thread = forest.threads.get(message.thread) ?? [];
      let start = thread.indexOf(message);
      while (start > 0 && thread[start - 1]?.superseded) start -= 1;
      keys.push(supersededKey(thread[start] as Message));
    }
    const anchor = anchors.get(message.thread);
    if (anchor === undefined) break;
    keys.push(threadKey(message.thread));
    message = byId.get(anchor);
  }
  return keys;
}
