import { report } from './connection';
import { ApiError, asApiError } from './error';
import type { TypedDocumentString } from './generated';
import { refuse } from './session';
import { socketClient } from './socket';

const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 10_000;
/** The close codes by which graphql-transport-ws refuses a client: 4401 unauthorised, 4403 forbidden. */
const REFUSED_CODES = [4401, 4403];

export interface LiveHandlers<T> {
  readonly next: (event: T) => void;
  /** The subscription runs (again): what happened before is not told, unless the variables hold a cursor. */
  readonly open?: (isAgain: boolean) => void;
  /** The gateway will not give this subscription; it has ended. */
  readonly failed?: (error: ApiError) => void;
}

/**
 * Runs a subscription until the returned function is called. When it breaks, it begins again with what `variables`
 * returns then, so a cursor among them makes it resume exactly.
 */
export function subscribeLive<T, V extends Record<string, unknown>>(
  document: TypedDocumentString<T, V>,
  variables: () => V,
  handlers: LiveHandlers<T>,
): () => void {
  const identity = Symbol('subscription');
  let stop: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  let attempt = 0;
  let begun = false;

  const end = () => {
    ended = true;
    clearTimeout(timer);
    stop?.();
    window.removeEventListener('online', hurry);
    report(identity, 'ended');
  };
  const fail = (error: ApiError) => {
    end();
    if (error.code === 'UNAUTHENTICATED') refuse();
    handlers.failed?.(error);
  };
  const again = () => {
    if (ended) return;
    report(identity, 'reconnecting');
    timer = setTimeout(begin, retryDelay(attempt));
    attempt += 1;
  };
  // No use in waiting out the back-off once the network is back.
  const hurry = () => {
    if (timer === undefined || ended) return;
    clearTimeout(timer);
    begin();
  };
  const begin = () => {
    timer = undefined;
    stop = openOnce(document, variables, {
      next: event => {
        attempt = 0;
        handlers.next(event);
      },
      opened: () => {
        report(identity, 'live');
        handlers.open?.(begun);
        begun = true;
      },
      broken: error => {
        if (ended) return;
        if (error && !error.isTransient) fail(error);
        else again();
      },
    });
  };

  report(identity, 'connecting');
  window.addEventListener('online', hurry);
  begin();
  return end;
}

function retryDelay(attempt: number): number {
  const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  // Jitter keeps the pages of a whole team from coming back in the same instant after a gateway's restart.
  return longest / 2 + Math.random() * (longest / 2);
}

interface OnceHandlers<T> {
  readonly next: (event: T) => void;
  readonly opened: () => void;
  /** With an error when the gateway said why. */
  readonly broken: (error: ApiError | null) => void;
}

function openOnce<T, V extends Record<string, unknown>>(
  document: TypedDocumentString<T, V>,
  variables: () => V,
  handlers: OnceHandlers<T>,
): () => void {
  let over = false;
  const broken = (error: ApiError | null) => {
    if (over) return;
    over = true;
    handlers.broken(error);
  };
  const payload = {
    query: document.toString(),
    // Read when the subscription is sent, and again should the client send it anew by itself after a normal close: so
    // it never resumes from an old cursor. The protocol has no "subscribed" message; having sent it is as near as a
    // client comes.
    get variables() {
      queueMicrotask(() => {
        if (!over) handlers.opened();
      });
      return variables();
    },
  };
  const unsubscribe = socketClient().subscribe<T>(payload, {
    next: result => {
      if (over) return;
      if (result.errors && result.errors.length > 0) broken(asApiError(result.errors));
      else if (result.data) handlers.next(result.data);
    },
    error: cause => broken(reason(cause)),
    complete: () => broken(null),
  });
  return () => {
    over = true;
    unsubscribe();
  };
}

function reason(cause: unknown): ApiError | null {
  if (Array.isArray(cause)) return asApiError(cause);
  if (cause instanceof CloseEvent && REFUSED_CODES.includes(cause.code)) {
    return new ApiError('UNAUTHENTICATED', 'The gateway asks for a token.');
  }
  return null;
}
