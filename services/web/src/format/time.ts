const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Milliseconds since the epoch, with the microseconds of the text as a fraction; `Date` would cut them off. */
export function parseTime(iso: string): number {
  const ms = Date.parse(iso);
  const fraction = /\.(\d+)/.exec(iso)?.[1] ?? '';
  const beyondMs = fraction.slice(3);
  return beyondMs === '' ? ms : ms + Number(`0.${beyondMs}`);
}

/** 840 -> "840 ms", 3210 -> "3.2 s", 192000 -> "3m 12s". */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1) return ms === 0 ? '0 ms' : '<1 ms';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / SECOND_MS).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return twoUnits(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
  const hours = Math.round(minutes / 60);
  return twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit} ${small}${smallUnit}`;
}

/** "just now", "12s ago", "5m ago", "3h ago", "2d ago", then a date. */
export function formatAgo(iso: string, nowMs: number): string {
  const ms = nowMs - Date.parse(iso);
  // A few seconds ahead is a clock that is a little off, not the future.
  if (ms < 3 * SECOND_MS) return 'just now';
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)}s ago`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m ago`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)}h ago`;
  if (ms < 14 * DAY_MS) return `${Math.floor(ms / DAY_MS)}d ago`;
  return formatDay(iso, nowMs);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' });
const dayWithYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

/** Time of day in the reader's zone. */
export function formatClock(iso: string): string {
  return clock.format(Date.parse(iso));
}

/** Time of day where seconds do not matter. */
export function formatMinute(iso: string): string {
  return minute.format(Date.parse(iso));
}

/** The day in the reader's zone; the year only when it is another one. */
export function formatDay(iso: string, nowMs: number): string {
  const date = new Date(Date.parse(iso));
  const isThisYear = date.getFullYear() === new Date(nowMs).getFullYear();
  return (isThisYear ? day : dayWithYear).format(date);
}

export function isSameDay(iso: string, other: string): boolean {
  return new Date(Date.parse(iso)).toDateString() === new Date(Date.parse(other)).toDateString();
}

/** For reading on hover: exact to the microsecond, in UTC. */
export function formatUtc(iso: string): string {
  return `${iso.replace('T', ' ').replace(/(Z|\+00:00)$/, '')} UTC`;
}
