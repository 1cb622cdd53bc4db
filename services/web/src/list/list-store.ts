import { type ApiError, asApiError, isAbort } from '../api/error';
import { type ConversationFilter, Conversations, LiveConversations } from '../api/generated';
import { subscribeLive } from '../api/live';
import type { ConversationEvent } from '../api/model';
import { request } from '../api/request';
import { FrameBatch } from '../state/frame-batch';
import { Observable } from '../state/observable';
import { type Filter, toConversationFilter } from '../url/filter';
import { EMPTY_LIST, type ListState, settled, withEvents, withPage, withSecondLook } from './list-state';

const PAGE_ROWS = 50;
/** Rows move at most this often even if nobody holds them: a list that reorders fifty times a second cannot be read. */
const SETTLE_MS = 1_000;
/** A search may find nothing on a page and yet have more; so many empty pages are asked for before the reader decides. */
const EMPTY_PAGES_MAX = 20;
/** The gateway may take a moment to begin a subscription; what fell in between is seen by a second look. */
const SECOND_LOOK_MS = 1_500;

export interface ListView {
  readonly list: ListState;
  readonly status: 'loading' | 'ready' | 'error';
  readonly error: ApiError | null;
  readonly loadingMore: boolean;
}

/** The list of conversations that match one filter, live from `start` to `close`. */
export class ListStore {
  readonly view = new Observable<ListView>({ list: EMPTY_LIST, status: 'loading', error: null, loadingMore: false });
  readonly #filter: ConversationFilter;
  #abort = new AbortController();
  readonly #batch = new FrameBatch<ConversationEvent>(events => this.#take(events));
  #unsubscribe: () => void = () => {};
  #held = false;
  #settleTimer: ReturnType<typeof setTimeout> | undefined;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(filter: Filter) {
    this.#filter = toConversationFilter(filter, Date.now());
  }

  start(): void {
    this.#abort = new AbortController();
    this.#unsubscribe = subscribeLive(LiveConversations, () => ({ filter: this.#filter }), {
      next: ({ conversations }) => this.#batch.push(conversations),
      open: isAgain => this.#lookAgainIn(isAgain ? 0 : SECOND_LOOK_MS),
      failed: error => this.#fail(error),
    });
    void this.reload();
  }

  close(): void {
    this.#unsubscribe();
    this.#abort.abort();
    this.#batch.clear();
    clearTimeout(this.#settleTimer);
    clearTimeout(this.#lookTimer);
    this.#settleTimer = undefined;
  }

  /** Reads the list anew from its top. */
  async reload(): Promise<void> {
    this.view.update(view => ({ ...view, status: view.list.order.length > 0 ? 'ready' : 'loading', error: null }));
    await this.#readPages(EMPTY_LIST);
  }

  async loadMore(): Promise<void> {
    const { list, loadingMore, status } = this.view.get();
    if (loadingMore || status === 'loading' || list.after === null) return;
    this.view.update(view => ({ ...view, loadingMore: true, error: null }));
    await this.#readPages(null);
  }

  /** While held, rows keep their places: the reader points at them or has scrolled among them. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.#settleSoon();
  }

  /** Shows what waits, in order. */
  settle(): void {
    if (this.view.get().list.stale) void this.reload();
    else this.#change(settled);
  }

  /** Reads pages until one has rows. `from` null goes on at the end of what is shown. */
  async #readPages(from: ListState | null): Promise<void> {
    try {
      let base = from;
      for (let page = 0; page < EMPTY_PAGES_MAX; page += 1) {
        const after = (base ?? this.view.get().list).after;
        const variables = { first: PAGE_ROWS, after, filter: this.#filter };
        const { conversations } = await request(Conversations, variables, this.#abort.signal);
        const { nodes, pageInfo, lookedBackTo } = conversations;
        const end = pageInfo.hasNextPage ? pageInfo.endCursor : null;
        const next = withPage(base ?? this.view.get().list, nodes, end, lookedBackTo);
        base = null;
        // More of a search that has found nothing yet is on its way: not "nothing found".
        const isSearching = next.order.length === 0 && next.after !== null && page + 1 < EMPTY_PAGES_MAX;
        this.view.update(view => ({ ...view, list: next, status: isSearching ? 'loading' : 'ready' }));
        if (nodes.length > 0 || next.after === null) break;
      }
      this.view.update(view => ({ ...view, loadingMore: false }));
    } catch (cause) {
      if (!isAbort(cause)) this.#fail(asApiError(cause));
    }
  }

  #fail(error: ApiError): void {
    this.view.update(view => ({ ...view, status: 'error', error, loadingMore: false }));
  }

  #take(events: readonly ConversationEvent[]): void {
    // In an empty list nothing can move under the reader's eyes.
    this.#change(list => (list.order.length === 0 ? settled(withEvents(list, events)) : withEvents(list, events)));
    if (!this.#held) this.#settleSoon();
  }

  #settleSoon(): void {
    this.#settleTimer ??= setTimeout(() => {
      this.#settleTimer = undefined;
      if (!this.#held) this.settle();
    }, SETTLE_MS);
  }

  #lookAgainIn(ms: number): void {
    clearTimeout(this.#lookTimer);
    this.#lookTimer = setTimeout(() => void this.#lookAgain(), ms);
  }

  async #lookAgain(): Promise<void> {
    try {
      const variables = { first: PAGE_ROWS, after: null, filter: this.#filter };
      const { conversations } = await request(Conversations, variables, this.#abort.signal);
      if (this.view.get().status === 'error') this.view.update(view => ({ ...view, status: 'ready', error: null }));
      this.#change(list => withSecondLook(list, conversations.nodes, conversations.pageInfo.hasNextPage));
      if (!this.#held) this.#settleSoon();
    } catch {
      // The subscription's next break, or the reader's next action, shows what is wrong.
    }
  }

  #change(change: (list: ListState) => ListState): void {
    this.view.update(view => {
      const list = change(view.list);
      return list === view.list ? view : { ...view, list };
    });
  }
}
