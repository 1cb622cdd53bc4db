import { expect, test } from 'vitest';
import type { Message, MessageEvent } from '../api/model';
import { sampleHead, sampleMessage } from '../testing/samples';
import { EMPTY_TRANSCRIPT, withMessageEvents, withMessages, withOrder } from './transcript-state';

let number = 0;
function event(kind: MessageEvent['kind'], message: Message): MessageEvent {
  number += 1;
  return { kind, message, cursor: `cursor-${number}`, conversation: sampleHead('c') };
}

const [a, b, c] = [sampleMessage('a', 1), sampleMessage('b', 2), sampleMessage('c', 3)];
const read = withMessages({ ...EMPTY_TRANSCRIPT, cursor: 'start' }, [a, b], null);

test('a live message goes to the end, and the cursor is the last event’s', () => {
  const last = event('ADDED', sampleMessage('d', 4));
  const state = withMessageEvents(read, [event('ADDED', c), last]);
  expect(state.order).toEqual(['a', 'b', 'c', 'd']);
  expect(state.cursor).toBe(last.cursor);
  expect(state.disordered).toBe(false);
});

test('the same event twice changes nothing more', () => {
  const added = event('ADDED', c);
  const once = withMessageEvents(read, [added]);
  expect(withMessageEvents(once, [added]).order).toEqual(once.order);
});

test('an update changes a message where it stands', () => {
  const state = withMessageEvents(read, [event('UPDATED', { ...a, text: 'longer' })]);
  expect(state.order).toEqual(['a', 'b']);
  expect(state.messages.get('a')?.text).toBe('longer');
});

test('a removed message goes, and a page read before does not bring it back', () => {
  const state = withMessageEvents(read, [event('REMOVED', a), event('REMOVED', c)]);
  expect(state.order).toEqual(['b']);
  expect(withMessages(state, [c], null).order).toEqual(['b']);
  expect(withMessageEvents(state, [event('ADDED', a)]).order).toEqual(['a', 'b']);
});

test('an event is newer than the page that arrives after it', () => {
  const early = withMessageEvents(withMessages(EMPTY_TRANSCRIPT, [a], 'm-0'), [
    event('UPDATED', { ...b, text: 'new' }),
  ]);
  const state = withMessages(early, [b, c], null);
  expect(state.order).toEqual(['a', 'b', 'c']);
  expect(state.messages.get('b')?.text).toBe('new');
});

test('a message that comes late stands by its time until the gateway says its place', () => {
  const late = sampleMessage('late', 1.5);
  const state = withMessageEvents(read, [event('ADDED', late)]);
  expect(state.order).toEqual(['a', 'late', 'b']);
  expect(state.disordered).toBe(true);
  const ordered = withOrder(state, ['late', 'a', 'b']);
  expect(ordered.order).toEqual(['late', 'a', 'b']);
  expect(ordered.disordered).toBe(false);
});

test('an order read before the newest message keeps that message at the end', () => {
  const state = withMessageEvents(read, [event('ADDED', c)]);
  expect(withOrder(state, ['b', 'a', 'unknown']).order).toEqual(['b', 'a', 'c']);
});

test('the first message of a new thread is in order: its opener gives its place', () => {
  const inner = sampleMessage('inner', 0.5, { thread: 1, threadParent: 'call' });
  expect(withMessageEvents(read, [event('ADDED', inner)]).disordered).toBe(false);
});
