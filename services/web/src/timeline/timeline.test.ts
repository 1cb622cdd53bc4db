import { expect, test } from 'vitest';
import type { SpanBar } from '../api/model';
import { at } from '../testing/samples';
import { concurrency, makeScale, panned, WHOLE, zoomed } from './scale';
import { nest } from './tree';

function span(id: string, from: number, to: number, parent: string | null = null): SpanBar {
  return {
    id,
    traceId: 't',
    parent,
    name: id,
    operation: 'CHAT',
    startedAt: at(from),
    endedAt: at(to),
    durationMs: (to - from) * 1000,
    error: null,
    agent: null,
    requestModel: null,
    responseModel: null,
    tool: null,
  };
}

const shape = (spans: readonly SpanBar[]) => nest(spans).map(row => `${'.'.repeat(row.depth)}${row.span.id}`);

test('children stand below their parents, each level by start', () => {
  expect(
    shape([span('b', 5, 6), span('a2', 3, 4, 'a'), span('a', 0, 4), span('a1', 1, 2, 'a'), span('a11', 1, 2, 'a1')]),
  ).toEqual(['a', '.a1', '..a11', '.a2', 'b']);
});

test('orphans, cycles and doubles are neither lost nor endless', () => {
  expect(
    shape([span('x', 0, 1, 'gone'), span('y', 1, 2, 'z'), span('z', 2, 3, 'y'), span('s', 3, 4, 's')]).sort(),
  ).toEqual(['.z', 's', 'x', 'y']);
  const chain = Array.from({ length: 20_000 }, (_, i) => span(`n${i}`, i, i + 1, i === 0 ? null : `n${i - 1}`));
  expect(nest(chain)).toHaveLength(20_000);
});

test('long silences are folded, short ones are not', () => {
  const rows = nest([span('a', 0, 10), span('b', 11, 20), span('c', 3_600, 3_610)]);
  const scale = makeScale(rows, true);
  expect(scale.gaps).toHaveLength(1);
  expect(scale.place(rows[2]?.startMs ?? 0)).toBeLessThan(0.7);
  const plain = makeScale(rows, false);
  expect(plain.gaps).toHaveLength(0);
  expect(plain.place(rows[2]?.startMs ?? 0)).toBeGreaterThan(0.99);
});

test('places and times are each other’s inverse and never go back', () => {
  const rows = nest([span('a', 0, 10), span('b', 100, 130), span('c', 500, 501)]);
  const scale = makeScale(rows, true);
  let before = -1;
  for (let ms = scale.startMs; ms <= scale.startMs + 501_000; ms += 1_000) {
    const place = scale.place(ms);
    expect(place).toBeGreaterThanOrEqual(before);
    expect(scale.time(place)).toBeCloseTo(ms, 0);
    before = place;
  }
  expect(scale.place(scale.startMs)).toBe(0);
  expect(before).toBe(1);
});

test('a single moment and no spans at all can be drawn', () => {
  expect(makeScale(nest([span('a', 5, 5)]), true).place(Date.parse(at(5)))).toBe(0);
  expect(makeScale([], true).place(0)).toBe(1);
});

test('concurrency counts what overlaps, not what touches', () => {
  const counts = concurrency(nest([span('a', 0, 10), span('b', 5, 15), span('c', 10, 12)])).map(step => step.count);
  expect(counts).toEqual([1, 2, 2, 1, 0]);
});

test('zooming keeps the focus and panning stays within', () => {
  const near = zoomed(WHOLE, 0.25, 0.5);
  expect(near).toEqual({ from: 0.125, to: 0.625 });
  expect(zoomed(near, 0.25, 10)).toEqual(WHOLE);
  expect(panned(near, -5)).toEqual({ from: 0, to: 0.5 });
  expect(panned(near, 5).to).toBe(1);
});
