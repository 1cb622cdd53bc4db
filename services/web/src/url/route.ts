import type { ConversationRef } from '../api/model';
import type { Address } from './location';

export type Tab = 'transcript' | 'timeline';

/** What the address names: the list, perhaps with a conversation in the drawer, or a conversation as a page. */
export interface Route {
  readonly kind: 'list' | 'conversation' | 'unknown';
  /** The conversation in the drawer or on the page. */
  readonly open: ConversationRef | null;
  readonly tab: Tab;
  /** The span whose pane is open. */
  readonly span: string | null;
  /** The message that the address points at. */
  readonly message: string | null;
}

const PAGE = /^\/conversations\/([^/]+)\/([^/]+)\/?$/;
const MESSAGE_HASH = '#m-';

export function parseRoute({ path, search, hash }: Address): Route {
  const parameters = new URLSearchParams(search);
  const shared = {
    tab: parameters.get('tab') === 'timeline' ? ('timeline' as const) : ('transcript' as const),
    span: parameters.get('span'),
    message: hash.startsWith(MESSAGE_HASH) ? decode(hash.slice(MESSAGE_HASH.length)) : null,
  };
  const page = PAGE.exec(path);
  if (page?.[1] && page[2]) {
    const project = decode(page[1]);
    const id = decode(page[2]);
    if (project !== null && id !== null) return { kind: 'conversation', open: { project, id }, ...shared };
  }
  if (path !== '/' && path !== '/index.html') return { kind: 'unknown', open: null, ...shared };
  return { kind: 'list', open: parseRef(parameters.get('open')), ...shared };
}

/** Null for what is not percent-encoding: anyone can type an address. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function parseRef(text: string | null): ConversationRef | null {
  const [project, id, ...rest] = text?.split('/').map(decode) ?? [];
  return project && id && rest.length === 0 ? { project, id } : null;
}

function formatRef({ project, id }: ConversationRef): string {
  return `${encodeURIComponent(project)}/${encodeURIComponent(id)}`;
}

/** The address of a conversation as a page of its own; the one to send to others. */
export function conversationPath(ref: ConversationRef): string {
  return `/conversations/${formatRef(ref)}`;
}

export function messageHash(id: string): string {
  return `${MESSAGE_HASH}${encodeURIComponent(id)}`;
}

export interface RouteChange {
  readonly open?: ConversationRef | null;
  readonly tab?: Tab;
  readonly span?: string | null;
}

/** The present address with some of it changed; another conversation forgets the tab, span and message of the last. */
export function withChange({ path, search, hash }: Address, change: RouteChange): string {
  const parameters = new URLSearchParams(search);
  let keptHash = hash;
  if (change.open !== undefined) {
    for (const name of ['open', 'span', 'tab']) parameters.delete(name);
    if (change.open) parameters.set('open', formatRef(change.open));
    keptHash = '';
  }
  if (change.tab !== undefined) setOrDelete(parameters, 'tab', change.tab === 'timeline' ? 'timeline' : null);
  if (change.span !== undefined) setOrDelete(parameters, 'span', change.span);
  const query = parameters.toString();
  return `${path}${query === '' ? '' : `?${query}`}${keptHash}`;
}

function setOrDelete(parameters: URLSearchParams, name: string, value: string | null): void {
  if (value === null) parameters.delete(name);
  else parameters.set(name, value);
}
