import { useSyncExternalStore } from 'react';
import { formatAgo, formatClock, formatUtc } from '../format/time';
import { Observable } from '../state/observable';

const TICK_MS = 1_000;
const now = new Observable(Date.now());
let watchers = 0;
let ticker: ReturnType<typeof setInterval> | undefined;

/** One timer for the whole page, and none while nobody looks. */
function watchNow(listener: () => void): () => void {
  watchers += 1;
  ticker ??= setInterval(() => now.set(Date.now()), TICK_MS);
  const forget = now.subscribe(listener);
  return () => {
    forget();
    watchers -= 1;
    if (watchers > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  };
}

/** "12s ago", kept up to date; exact UTC on hover. */
export function Ago({ iso }: { iso: string }) {
  const nowMs = useSyncExternalStore(watchNow, now.get);
  return (
    <time dateTime={iso} title={formatUtc(iso)}>
      {formatAgo(iso, nowMs)}
    </time>
  );
}

/** Time of day in the reader's zone; exact UTC on hover. */
export function Clock({ iso }: { iso: string }) {
  return (
    <time dateTime={iso} title={formatUtc(iso)}>
      {formatClock(iso)}
    </time>
  );
}
