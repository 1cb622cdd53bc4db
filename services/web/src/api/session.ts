import { Observable } from '../state/observable';

// The token lives as long as the tab: it is a bearer secret, and a page on a shared machine should not keep it.
const STORAGE_KEY = 'colloquy.token';

export interface Session {
  readonly token: string | null;
  /** Set when the gateway refused to answer without a (valid) token. */
  readonly signInRequired: boolean;
  /** Whether a token was refused, as opposed to none having been sent. */
  readonly refused: boolean;
}

function storedToken(): string | null {
  try {
    return sessionStorage.getItem(STORAGE_KEY);
  } catch {
    // Storage may be forbidden by the browser's settings; the token then lives as long as the page.
    return null;
  }
}

function storeToken(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, token);
  } catch {
    // See above.
  }
}

export const session = new Observable<Session>({ token: storedToken(), signInRequired: false, refused: false });

export function signIn(token: string): void {
  storeToken(token);
  session.set({ token, signInRequired: false, refused: false });
}

export function signOut(): void {
  storeToken(null);
  session.set({ token: null, signInRequired: true, refused: false });
}

/** The gateway said UNAUTHENTICATED. */
export function refuse(): void {
  const { token, signInRequired } = session.get();
  if (signInRequired) return;
  storeToken(null);
  session.set({ token: null, signInRequired: true, refused: token !== null });
}

/** The `Authorization` value, when there is a token. */
export function authorization(): string | null {
  const { token } = session.get();
  return token === null ? null : `Bearer ${token}`;
}
