import type { TimelineRow } from './tree';

/** Only silence that is long in itself is worth folding away. */
const SHORTEST_GAP_MS = 3_000;
/** How wide a folded gap is drawn, as a part of all that is drawn. */
const GAP_WIDTH = 0.015;
/** All folded gaps together take no more than this; a conversation of a thousand pauses still shows its work. */
const GAPS_WIDTH_MAX = 0.3;

/** A stretch of time and where it is drawn: `from` and `to` within 0..1. */
export interface Segment {
  readonly startMs: number;
  readonly endMs: number;
  readonly from: number;
  readonly to: number;
  readonly isGap: boolean;
}

/** Maps time to places in 0..1, with long silences folded. */
export class Scale {
  readonly segments: readonly Segment[];
  readonly startMs: number;

  constructor(segments: readonly Segment[]) {
    this.segments = segments;
    this.startMs = segments[0]?.startMs ?? 0;
  }

  place(ms: number): number {
    const segment = this.#find(each => ms <= each.endMs);
    if (!segment) return 1;
    const length = segment.endMs - segment.startMs;
    const part = length === 0 ? 0 : Math.max(0, (ms - segment.startMs) / length);
    return segment.from + part * (segment.to - segment.from);
  }

  /** The moment drawn at a place. */
  time(place: number): number {
    const segment = this.#find(each => place <= each.to) ?? this.segments.at(-1);
    if (!segment) return this.startMs;
    const width = segment.to - segment.from;
    const part = width === 0 ? 0 : Math.min(1, Math.max(0, (place - segment.from) / width));
    return segment.startMs + part * (segment.endMs - segment.startMs);
  }

  get gaps(): readonly Segment[] {
    return this.segments.filter(segment => segment.isGap);
  }

  /** The first segment that fits; segments are in order, so halving finds it. */
  #find(fits: (segment: Segment) => boolean): Segment | undefined {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fits(this.segments[middle] as Segment)) high = middle;
      else low = middle + 1;
    }
    return this.segments[low];
  }
}

/** A scale over all rows. Without folding, time is drawn as it passed. */
export function makeScale(rows: readonly TimelineRow[], foldGaps: boolean): Scale {
  const busy = busyStretches(rows, foldGaps);
  const first = busy[0];
  if (!first) return new Scale([]);
  const gaps = busy.length - 1;
  const gapWidth = gaps === 0 ? 0 : Math.min(GAP_WIDTH, GAPS_WIDTH_MAX / gaps);
  const busyMs = busy.reduce((sum, stretch) => sum + (stretch.endMs - stretch.startMs), 0);
  const perMs = busyMs === 0 ? 0 : (1 - gaps * gapWidth) / busyMs;
  const segments: Segment[] = [];
  let place = 0;
  for (const [index, { startMs, endMs }] of busy.entries()) {
    const before = busy[index - 1];
    if (before) {
      segments.push({ startMs: before.endMs, endMs: startMs, from: place, to: place + gapWidth, isGap: true });
      place += gapWidth;
    }
    const to = index === busy.length - 1 ? 1 : place + (endMs - startMs) * perMs;
    segments.push({ startMs, endMs, from: place, to, isGap: false });
    place = to;
  }
  return new Scale(segments);
}

interface Stretch {
  startMs: number;
  endMs: number;
}

/** When anything ran, with short pauses closed over. */
function busyStretches(rows: readonly TimelineRow[], foldGaps: boolean): Stretch[] {
  const sorted = [...rows].sort((a, b) => a.startMs - b.startMs);
  const stretches: Stretch[] = [];
  for (const { startMs, endMs } of sorted) {
    const last = stretches.at(-1);
    if (last && (!foldGaps || startMs - last.endMs < SHORTEST_GAP_MS)) last.endMs = Math.max(last.endMs, endMs);
    else stretches.push({ startMs, endMs });
  }
  return stretches;
}

/** How many rows ran at the same time, as steps: from `ms` on, `count` were running. */
export function concurrency(rows: readonly TimelineRow[]): { ms: number; count: number }[] {
  const edges = rows.flatMap(({ startMs, endMs }) => [
    { ms: startMs, step: 1 },
    { ms: endMs, step: -1 },
  ]);
  // What ends at a moment makes room for what begins at it.
  edges.sort((a, b) => a.ms - b.ms || a.step - b.step);
  const steps: { ms: number; count: number }[] = [];
  let count = 0;
  for (const { ms, step } of edges) {
    count += step;
    const last = steps.at(-1);
    if (last?.ms === ms) last.count = count;
    else steps.push({ ms, count });
  }
  return steps;
}

/** The part of the scale that is looked at. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export const WHOLE: Window = { from: 0, to: 1 };
/** Deeper than this, bars are all the reader sees. */
const NARROWEST = 1e-5;

/** Zooms so that `focus` (0..1 of the scale) stays where it is. `factor` below 1 goes nearer. */
export function zoomed({ from, to }: Window, focus: number, factor: number): Window {
  const width = Math.min(1, Math.max(NARROWEST, (to - from) * factor));
  const part = to === from ? 0.5 : (focus - from) / (to - from);
  return within(focus - part * width, width);
}

export function panned({ from, to }: Window, parts: number): Window {
  return within(from + parts * (to - from), to - from);
}

function within(from: number, width: number): Window {
  const start = Math.min(Math.max(0, from), 1 - width);
  return { from: start, to: start + width };
}
