import { ApiError, asApiError, isAbort } from '../api/error';
import { ConversationState, LiveMessages, MessageOrder, MoreMessages, OpenConversation } from '../api/generated';
import { subscribeLive } from '../api/live';
import type { ConversationHead, ConversationRef, MessageEvent } from '../api/model';
import { request } from '../api/request';
import { FrameBatch } from '../state/frame-batch';
import { Observable } from '../state/observable';
import { EMPTY_TRANSCRIPT, type TranscriptState, withMessageEvents, withMessages, withOrder } from './transcript-state';

/** Enough to fill any window at once; what follows is read in pages as large as the gateway gives. */
const FIRST_MESSAGES = 100;
const PAGE_MESSAGES = 500;
/** The order is read at most this often while late messages arrive. */
const REORDER_MS = 1_500;
/** A conversation is finalised without any message: an open one is looked at this often. */
const STATE_MS = 20_000;
/** Pages of the order that are read at most: some 20,000 messages. */
const ORDER_PAGES_MAX = 40;

export interface ConversationView {
  readonly status: 'loading' | 'ready' | 'missing' | 'error';
  readonly error: ApiError | null;
  readonly head: ConversationHead | null;
  readonly transcript: TranscriptState;
}

/** One conversation, live from `start` to `close`. */
export class ConversationStore {
  readonly ref: ConversationRef;
  readonly view = new Observable<ConversationView>({
    status: 'loading',
    error: null,
    head: null,
    transcript: EMPTY_TRANSCRIPT,
  });
  readonly #batch = new FrameBatch<MessageEvent>(events => this.#take(events));
  #isRunning = false;
  #abort = new AbortController();
  #unsubscribe: () => void = () => {};
  #reorderTimer: ReturnType<typeof setTimeout> | undefined;
  #stateTimer: ReturnType<typeof setInterval> | undefined;

  constructor(ref: ConversationRef) {
    this.ref = ref;
  }

  /** Begins reading, unless that was done; after `close`, begins again. */
  start(): void {
    if (this.#isRunning) return;
    void this.open();
  }

  close(): void {
    this.#isRunning = false;
    this.#unsubscribe();
    this.#abort.abort();
    this.#batch.clear();
    clearTimeout(this.#reorderTimer);
    clearInterval(this.#stateTimer);
    this.#reorderTimer = undefined;
  }

  /** Reads the conversation from its beginning and follows it from there. */
  async open(): Promise<void> {
    this.close();
    this.#isRunning = true;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.view.update(view => ({ ...view, status: view.head ? 'ready' : 'loading', error: null }));
    try {
      const variables = { ...this.ref, first: FIRST_MESSAGES };
      const { conversation } = await request(OpenConversation, variables, signal);
      if (conversation === null) {
        this.view.update(view => ({ ...view, status: 'missing', head: null, transcript: EMPTY_TRANSCRIPT }));
        return;
      }
      const { messages, ...head } = conversation;
      const after = messages.pageInfo.hasNextPage ? messages.pageInfo.endCursor : null;
      const transcript = { ...EMPTY_TRANSCRIPT, cursor: messages.liveCursor };
      this.view.set({
        status: 'ready',
        error: null,
        head,
        transcript: withMessages(transcript, messages.nodes, after),
      });
      this.#follow();
      await this.#readOn(signal);
    } catch (cause) {
      if (!isAbort(cause)) this.#fail(asApiError(cause));
    }
  }

  #follow(): void {
    this.#unsubscribe = subscribeLive(
      LiveMessages,
      () => ({
        project: this.ref.project,
        conversation: this.ref.id,
        after: this.#batch.last?.cursor ?? this.view.get().transcript.cursor,
      }),
      {
        next: ({ messages }) => this.#batch.push(messages),
        failed: error => {
          // The conversation was rebuilt, or the cursor is too old: what is shown may be wrong, so begin again.
          if (error.code === 'CURSOR_INVALID') void this.open();
          else if (error.code === 'CONVERSATION_GONE') this.view.update(view => ({ ...view, status: 'missing' }));
          else this.#fail(error);
        },
      },
    );
    this.#stateTimer = setInterval(() => void this.#readState(), STATE_MS);
  }

  /** The pages after the first, one after the other, so that the beginning can be read at once. */
  async #readOn(signal: AbortSignal): Promise<void> {
    for (let after = this.view.get().transcript.after; after !== null; ) {
      const { conversation } = await request(MoreMessages, { ...this.ref, first: PAGE_MESSAGES, after }, signal);
      if (conversation === null) throw new ApiError('CONVERSATION_GONE', 'The conversation is no more.');
      const { nodes, pageInfo } = conversation.messages;
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
      this.#change(transcript => withMessages(transcript, nodes, after));
    }
    // What came live before the last page was read could only be put at the end of what was there.
    if (this.view.get().transcript.touched.size > 0) this.#reorderSoon();
  }

  #take(events: readonly MessageEvent[]): void {
    const head = events.at(-1)?.conversation ?? null;
    this.view.update(view => ({ ...view, head, transcript: withMessageEvents(view.transcript, events) }));
    if (this.view.get().transcript.disordered) this.#reorderSoon();
  }

  #reorderSoon(): void {
    this.#reorderTimer ??= setTimeout(() => {
      this.#reorderTimer = undefined;
      void this.#reorder(this.#abort.signal);
    }, REORDER_MS);
  }

  async #reorder(signal: AbortSignal): Promise<void> {
    // While pages are still being read, the order is not complete; the end of the reading comes back here.
    if (this.view.get().transcript.after !== null) return;
    try {
      const ids: string[] = [];
      let after: string | null = null;
      for (let page = 0; page < ORDER_PAGES_MAX; page += 1) {
        const variables: { project: string; id: string; first: number; after: string | null } = {
          ...this.ref,
          first: PAGE_MESSAGES,
          after,
        };
        const { conversation } = await request(MessageOrder, variables, signal);
        if (conversation === null) return;
        ids.push(...conversation.messages.nodes.map(node => node.id));
        after = conversation.messages.pageInfo.hasNextPage ? conversation.messages.pageInfo.endCursor : null;
        if (after === null) break;
      }
      this.#change(transcript => withOrder(transcript, ids));
    } catch {
      // The order by time stays; the next late message asks again.
    }
  }

  async #readState(): Promise<void> {
    const { head } = this.view.get();
    if (head?.status !== 'OPEN' || document.visibilityState === 'hidden') return;
    try {
      const { conversation } = await request(ConversationState, this.ref, this.#abort.signal);
      if (conversation) this.view.update(view => ({ ...view, head: conversation }));
    } catch {
      // The subscription tells the reader when the gateway is away.
    }
  }

  #fail(error: ApiError): void {
    this.view.update(view => ({ ...view, status: 'error', error }));
  }

  #change(change: (transcript: TranscriptState) => TranscriptState): void {
    this.view.update(view => ({ ...view, transcript: change(view.transcript) }));
  }
}
