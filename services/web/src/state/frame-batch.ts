// A hidden tab gets no animation frames, yet its queue must not grow without end.
const HIDDEN_FLUSH_MS = 500;

/**
 * Gathers items and hands them over once per animation frame, so that fifty changes a second cost at most one render
 * per frame. In a hidden tab it hands over by timer instead.
 */
export class FrameBatch<T> {
  #items: T[] = [];
  #cancel: (() => void) | null = null;
  readonly #flush: (items: T[]) => void;

  constructor(flush: (items: T[]) => void) {
    this.#flush = flush;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#cancel ??= this.#schedule();
  }

  /** The newest item that waits. */
  get last(): T | undefined {
    return this.#items.at(-1);
  }

  /** Forgets what waits. */
  clear(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#items = [];
  }

  #schedule(): () => void {
    let frame = 0;
    let timer: ReturnType<typeof setTimeout>;
    const cancel = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
    const run = () => {
      cancel();
      this.#cancel = null;
      const items = this.#items;
      this.#items = [];
      this.#flush(items);
    };
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, HIDDEN_FLUSH_MS);
    return cancel;
  }
}
