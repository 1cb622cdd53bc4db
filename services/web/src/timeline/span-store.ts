import { type ApiError, asApiError, isAbort } from '../api/error';
import { SpanBars } from '../api/generated';
import type { ConversationRef, SpanBar } from '../api/model';
import { request } from '../api/request';
import { Observable } from '../state/observable';

const PAGE_SPANS = 500;
/** Some 20,000 spans: beyond it the timeline says that it is not whole. */
const PAGES_MAX = 40;
/** While the conversation changes, the spans are read again no sooner than this, nor than thrice what reading took. */
const AGAIN_MS = 1_000;

export interface Spans {
  readonly spans: readonly SpanBar[];
  readonly isReading: boolean;
  readonly isCut: boolean;
  readonly error: ApiError | null;
}

/** All spans of a conversation. A new span may stand anywhere, so a change means reading them again. */
export class SpanStore {
  readonly view = new Observable<Spans>({ spans: [], isReading: true, isCut: false, error: null });
  readonly ref: ConversationRef;
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  #isWanted = false;
  #delayMs = 0;

  constructor(ref: ConversationRef) {
    this.ref = ref;
  }

  /** Reads again, now or when the last reading is long enough ago. */
  refresh(): void {
    this.#isWanted = true;
    if (this.#isReading || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, this.#delayMs);
  }

  close(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isReading = false;
    this.#isWanted = false;
    this.#delayMs = 0;
  }

  async #read(): Promise<void> {
    const { signal } = this.#abort;
    const begun = performance.now();
    this.#isReading = true;
    this.#isWanted = false;
    try {
      const { spans, isCut } = await this.#readPages(signal);
      this.view.set({ spans, isReading: false, isCut, error: null });
    } catch (cause) {
      if (isAbort(cause)) return;
      this.view.update(view => ({ ...view, isReading: false, error: asApiError(cause) }));
    }
    this.#isReading = false;
    this.#delayMs = Math.max(AGAIN_MS, 3 * (performance.now() - begun));
    if (this.#isWanted) this.refresh();
  }

  async #readPages(signal: AbortSignal): Promise<{ spans: readonly SpanBar[]; isCut: boolean }> {
    const spans: SpanBar[] = [];
    let after: string | null = null;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const { project, id } = this.ref;
      const variables: { project: string; id: string; first: number; after: string | null } = {
        project,
        id,
        first: PAGE_SPANS,
        after,
      };
      const { conversation } = await request(SpanBars, variables, signal);
      if (conversation === null) break;
      spans.push(...conversation.spans.nodes);
      after = conversation.spans.pageInfo.hasNextPage ? conversation.spans.pageInfo.endCursor : null;
      if (after === null) break;
      // The first reading shows what it has; a later one must not make shown spans disappear meanwhile.
      this.view.update(view => (view.spans.length < spans.length ? { ...view, spans: [...spans] } : view));
    }
    return { spans, isCut: after !== null };
  }
}
