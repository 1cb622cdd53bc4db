import { expect, test } from 'vitest';
import { type ConversationEvent, type ConversationRow, refKey } from '../api/model';
import { sampleRow } from '../testing/samples';
import { EMPTY_LIST, settled, WAITING_MAX, withEvents, withPage, withSecondLook } from './list-state';

const [a, b, c] = [sampleRow('a', 30), sampleRow('b', 20), sampleRow('c', 10)];
const list = withPage(EMPTY_LIST, [a, b, c], null);
const ids = (keys: Iterable<string>) => [...keys].map(key => key.split('\u0000')[1]);
const event = (kind: ConversationEvent['kind'], conversation: ConversationRow): ConversationEvent => ({
  kind,
  conversation,
});

test('a changed row changes in place and moves only when settled', () => {
  const changed = withEvents(list, [event('UPDATED', { ...c, lastActivityAt: sampleRow('', 40).lastActivityAt })]);
  expect(ids(changed.order)).toEqual(['a', 'b', 'c']);
  expect(changed.rows.get(refKey(c))?.lastActivityAt).toBe(sampleRow('', 40).lastActivityAt);
  expect(ids(settled(changed).order)).toEqual(['c', 'a', 'b']);
});

test('a new row waits until settled', () => {
  const grown = withEvents(list, [event('ADDED', sampleRow('new', 50))]);
  expect(ids(grown.order)).toEqual(['a', 'b', 'c']);
  expect(ids(grown.waiting)).toEqual(['new']);
  expect(ids(settled(grown).order)).toEqual(['new', 'a', 'b', 'c']);
});

test('a removed row stays marked until settled; one that waited is forgotten', () => {
  const state = withEvents(list, [
    event('ADDED', sampleRow('new', 50)),
    event('REMOVED', b),
    event('REMOVED', sampleRow('new', 50)),
  ]);
  expect(ids(state.gone)).toEqual(['b']);
  expect(ids(settled(state).order)).toEqual(['a', 'c']);
});

test('what belongs on a later page is left to that page', () => {
  const partial = withPage(EMPTY_LIST, [a, b], 'cursor');
  expect(withEvents(partial, [event('UPDATED', sampleRow('old', 5))]).waiting.size).toBe(0);
  const whole = withPage(EMPTY_LIST, [a, b], null);
  expect(withEvents(whole, [event('UPDATED', sampleRow('old', 5))]).waiting.size).toBe(1);
});

test('a page does not repeat rows nor undo a newer event', () => {
  const newer = { ...b, lastActivityAt: sampleRow('', 99).lastActivityAt };
  const state = withPage(withEvents(list, [event('UPDATED', newer)]), [b, sampleRow('d', 1)], null);
  expect(ids(state.order)).toEqual(['a', 'b', 'c', 'd']);
  expect(state.rows.get(refKey(b))).toBe(newer);
});

test('too many waiting rows are not patched in one by one', () => {
  const flood = Array.from({ length: WAITING_MAX + 1 }, (_, index) => event('ADDED', sampleRow(`n${index}`, 100)));
  expect(withEvents(list, flood).stale).toBe(true);
});

test('a second look after a break finds what was missed', () => {
  const looked = withSecondLook(list, [sampleRow('missed', 60), { ...a, llmCalls: 7 }, b], true);
  expect(ids(looked.waiting)).toEqual(['missed']);
  expect(looked.rows.get(refKey(a))?.llmCalls).toBe(7);
  expect(looked.stale).toBe(false);
});

test('a second look that shares no row with the list means reading anew', () => {
  expect(withSecondLook(list, [sampleRow('x', 90), sampleRow('y', 80)], true).stale).toBe(true);
});

test('nothing to settle leaves the very same list', () => {
  expect(settled(list)).toBe(list);
});
