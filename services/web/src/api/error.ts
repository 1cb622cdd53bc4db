/**
 * What went wrong, by the gateway's `extensions.code`. `NETWORK` is ours: the gateway could not be reached or did not
 * answer in GraphQL.
 */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    return ['NETWORK', 'BUSY', 'TIMEOUT', 'UNAVAILABLE', 'RECONNECT', 'RECONNECT_WITH_CURSOR'].includes(this.code);
  }
}

interface WireError {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown } | undefined;
}

/** The first of a GraphQL answer's errors. */
export function fromWire(errors: readonly WireError[]): ApiError {
  const first = errors[0];
  const code = first?.extensions?.code;
  return new ApiError(typeof code === 'string' ? code : 'INTERNAL', first?.message ?? 'The gateway gave no reason.');
}

export function asApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  if (Array.isArray(cause)) return fromWire(cause);
  return new ApiError('NETWORK', cause instanceof Error ? cause.message : 'The connection was closed.');
}

export function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}
