import { Observable } from '../state/observable';

/** `idle` before the first subscription, `offline` when the browser itself says so. */
export type Connection = 'idle' | 'connecting' | 'live' | 'reconnecting';

/** What the page's live indicator shows: the worst state among the running subscriptions. */
export const connection = new Observable<Connection>('idle');

const states = new Map<symbol, Connection>();

export function report(subscription: symbol, state: Connection | 'ended'): void {
  if (state === 'ended') states.delete(subscription);
  else states.set(subscription, state);
  const all = [...states.values()];
  const worst = (['reconnecting', 'connecting', 'live'] as const).find(candidate => all.includes(candidate));
  connection.set(worst ?? 'idle');
}
