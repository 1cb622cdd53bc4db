import { Observable, useObservable } from '../state/observable';

/** What of the address the page depends on. */
export interface Address {
  readonly path: string;
  readonly search: string;
  readonly hash: string;
}

function read(): Address {
  const { pathname, search, hash } = window.location;
  return { path: pathname, search, hash };
}

const address = new Observable<Address>(read());

function refresh(): void {
  const next = read();
  const { path, search, hash } = address.get();
  if (next.path !== path || next.search !== search || next.hash !== hash) address.set(next);
}

window.addEventListener('popstate', refresh);
window.addEventListener('hashchange', refresh);

export function useAddress(): Address {
  return useObservable(address);
}

export function currentAddress(): Address {
  return address.get();
}

/** Goes to an address of this page. `replace` leaves no entry to go back to: for what is typed or toggled. */
export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (replace) window.history.replaceState(null, '', to);
  else window.history.pushState(null, '', to);
  refresh();
}

/** Whether a click asks the browser for more than following the link here: a new tab, a download. */
export function isPlainClick(event: {
  button: number;
  metaKey: boolean;
  ctrlKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}
