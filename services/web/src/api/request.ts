import { ApiError, fromWire, isAbort } from './error';
import type { TypedDocumentString } from './generated';
import { authorization, refuse } from './session';

/** Longer than the gateway's own limit, which answers with a reason. */
const REQUEST_TIMEOUT_MS = 30_000;

interface WireAnswer<T> {
  readonly data?: T | null;
  readonly errors?: readonly { message: string; extensions?: { code?: unknown } }[];
}

/** Runs one query. Throws `ApiError`, or the abort reason when `signal` fires. */
export async function request<T, V>(
  document: TypedDocumentString<T, V>,
  variables: V,
  signal?: AbortSignal,
): Promise<T> {
  const token = authorization();
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  let response: Response;
  let answer: WireAnswer<T> | null;
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        ...(token === null ? {} : { authorization: token }),
      },
      body: JSON.stringify({ query: document.toString(), variables }),
      credentials: 'same-origin',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    answer = await response.json().catch(() => null);
  } catch (cause) {
    if (isAbort(cause)) throw cause;
    throw new ApiError('NETWORK', 'The gateway cannot be reached.');
  }
  // Nobody waits for it any more, even if it came in time.
  signal?.throwIfAborted();
  const error = failure(response, answer);
  if (error?.code === 'UNAUTHENTICATED') refuse();
  if (error) throw error;
  return answer?.data as T;
}

function failure<T>(response: Response, answer: WireAnswer<T> | null): ApiError | null {
  if (answer?.errors && answer.errors.length > 0) return fromWire(answer.errors);
  if (response.status === 401) return new ApiError('UNAUTHENTICATED', 'The gateway asks for a token.');
  if (!answer?.data) return new ApiError('NETWORK', `The gateway answered with status ${response.status}.`);
  return null;
}
