import type { Message, MessageEvent } from '../api/model';

/** The messages of one conversation as far as they are read, in reading order. */
export interface TranscriptState {
  readonly messages: ReadonlyMap<string, Message>;
  readonly order: readonly string[];
  /** Ids that an event removed or changed since the reading began: an event is newer than any page. */
  readonly removed: ReadonlySet<string>;
  readonly touched: ReadonlySet<string>;
  /** Where to go on reading; null when everything is read. */
  readonly after: string | null;
  /** Where the live updates go on after a break. */
  readonly cursor: string | null;
  /** Set when something arrived whose place only the gateway knows. */
  readonly disordered: boolean;
}

export const EMPTY_TRANSCRIPT: TranscriptState = {
  messages: new Map(),
  order: [],
  removed: new Set(),
  touched: new Set(),
  after: null,
  cursor: null,
  disordered: false,
};

/** Adds a page at the end. All pages show one moment, the one that `cursor` of the first page names. */
export function withMessages(state: TranscriptState, nodes: readonly Message[], after: string | null): TranscriptState {
  const messages = new Map(state.messages);
  const order = [...state.order];
  for (const message of nodes) {
    if (state.removed.has(message.id)) continue;
    if (!messages.has(message.id)) order.push(message.id);
    if (!state.touched.has(message.id)) messages.set(message.id, message);
  }
  return { ...state, messages, order, after };
}

/** Takes in live events, in their order. */
export function withMessageEvents(state: TranscriptState, events: readonly MessageEvent[]): TranscriptState {
  const last = events.at(-1);
  if (last === undefined) return state;
  const messages = new Map(state.messages);
  const removed = new Set(state.removed);
  const touched = new Set(state.touched);
  let order = [...state.order];
  let { disordered } = state;
  for (const { kind, message } of events) {
    if (kind === 'REMOVED') {
      messages.delete(message.id);
      removed.add(message.id);
      order = order.filter(id => id !== message.id);
      continue;
    }
    removed.delete(message.id);
    touched.add(message.id);
    const before = messages.get(message.id);
    messages.set(message.id, message);
    if (before === undefined) {
      const place = placeFor(message, order, messages);
      order.splice(place.index, 0, message.id);
      disordered ||= !place.isSure;
    } else if (before.thread !== message.thread || before.threadParent !== message.threadParent) {
      disordered = true;
    }
  }
  return { ...state, messages, removed, touched, order, disordered, cursor: last.cursor };
}

/**
 * Where a new message stands: after everything of its thread that was said no later than it. That is certain when it
 * is the newest of its thread, as live messages are; what came late is put by time until the gateway says its place.
 */
function placeFor(message: Message, order: readonly string[], messages: ReadonlyMap<string, Message>) {
  let isSure = true;
  for (let index = order.length - 1; index >= 0; index -= 1) {
    const other = messages.get(order[index] ?? '');
    if (other === undefined || other.thread !== message.thread) continue;
    if (other.timestamp <= message.timestamp) return { index: index + 1, isSure };
    isSure = false;
  }
  // A thread's first message: the layout puts it under the call that opened it.
  return isSure ? { index: order.length, isSure } : { index: 0, isSure };
}

/** The gateway's reading order. Messages that it does not name yet stay at the end, where live ones arrive. */
export function withOrder(state: TranscriptState, ids: readonly string[]): TranscriptState {
  const named = new Set(ids);
  const order = ids.filter(id => state.messages.has(id));
  for (const id of state.order) if (!named.has(id)) order.push(id);
  return { ...state, order, disordered: false };
}
