import { type ConversationEvent, type ConversationRow, refKey } from '../api/model';

/** Rows that may wait above the reader; beyond it the list is read anew rather than patched. */
export const WAITING_MAX = 500;

/**
 * The rows of the list. What is shown keeps its place until `settled`: rows change in place, new ones wait, ended ones
 * stay marked.
 */
export interface ListState {
  readonly rows: ReadonlyMap<string, ConversationRow>;
  /** Keys in the order shown. */
  readonly order: readonly string[];
  /** Keys of rows that are not shown yet. */
  readonly waiting: ReadonlySet<string>;
  /** Keys of shown rows that no longer belong to the list. */
  readonly gone: ReadonlySet<string>;
  /** Whether the order is no longer newest-first. */
  readonly moved: boolean;
  /** Where the next page begins; null when there is none. */
  readonly after: string | null;
  /** How far back the pages looked; null when nothing is left to look at. */
  readonly lookedBackTo: string | null;
  /** Set when more was missed than can be patched: only reading anew helps. */
  readonly stale: boolean;
}

export const EMPTY_LIST: ListState = {
  rows: new Map(),
  order: [],
  waiting: new Set(),
  gone: new Set(),
  moved: false,
  after: null,
  lookedBackTo: null,
  stale: false,
};

/** Adds a page at the end. Rows that are known already keep their place and take the newer values. */
export function withPage(
  state: ListState,
  nodes: readonly ConversationRow[],
  after: string | null,
  lookedBackTo: string | null = null,
): ListState {
  const rows = new Map(state.rows);
  const waiting = new Set(state.waiting);
  const order = [...state.order];
  const shown = new Set(order);
  for (const row of nodes) {
    const key = refKey(row);
    const known = rows.get(key);
    // A live event may have overtaken the page.
    if (known === undefined || known.lastActivityAt <= row.lastActivityAt) rows.set(key, row);
    waiting.delete(key);
    if (!shown.has(key)) {
      shown.add(key);
      order.push(key);
    }
  }
  return { ...state, rows, waiting, order, after, lookedBackTo: after === null ? null : lookedBackTo };
}

/** Takes in live events without moving what is shown. */
export function withEvents(state: ListState, events: readonly ConversationEvent[]): ListState {
  if (events.length === 0) return state;
  const rows = new Map(state.rows);
  const waiting = new Set(state.waiting);
  const gone = new Set(state.gone);
  const shown = new Set(state.order);
  const oldest = state.after === null ? '' : (rows.get(state.order.at(-1) ?? '')?.lastActivityAt ?? '');
  let { moved } = state;
  for (const { kind, conversation } of events) {
    const key = refKey(conversation);
    if (kind === 'REMOVED') {
      if (shown.has(key)) gone.add(key);
      else if (waiting.delete(key)) rows.delete(key);
      continue;
    }
    const known = rows.get(key);
    // What is older than the last row shown comes with its page.
    if (known === undefined && conversation.lastActivityAt < oldest) continue;
    rows.set(key, conversation);
    gone.delete(key);
    if (!shown.has(key)) waiting.add(key);
    else if (known?.lastActivityAt !== conversation.lastActivityAt) moved = true;
  }
  if (waiting.size > WAITING_MAX) return { ...state, stale: true };
  return { ...state, rows, waiting, gone, moved };
}

/** After a break in the live updates: the newest page again, as if every row on it had changed. */
export function withSecondLook(state: ListState, nodes: readonly ConversationRow[], hasMore: boolean): ListState {
  const isUnknown = nodes.every(row => !state.rows.has(refKey(row)));
  if (isUnknown && hasMore && state.order.length > 0) return { ...state, stale: true };
  const changed = nodes.filter(row => state.rows.get(refKey(row))?.lastActivityAt !== row.lastActivityAt);
  const same = nodes.filter(row => !changed.includes(row));
  const rows = new Map(state.rows);
  for (const row of same) rows.set(refKey(row), row);
  return withEvents(
    { ...state, rows },
    changed.map(conversation => ({ kind: 'UPDATED' as const, conversation })),
  );
}

/** Newest first, with what waited and without what is gone. */
export function settled(state: ListState): ListState {
  if (!state.moved && state.waiting.size === 0 && state.gone.size === 0) return state;
  const rows = new Map(state.rows);
  for (const key of state.gone) rows.delete(key);
  const activity = (key: string) => rows.get(key)?.lastActivityAt ?? '';
  const order = [...state.order, ...state.waiting]
    .filter(key => !state.gone.has(key))
    .sort((a, b) => compare(activity(b), activity(a)) || compare(a, b));
  return { ...state, rows, order, waiting: new Set(), gone: new Set(), moved: false };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
