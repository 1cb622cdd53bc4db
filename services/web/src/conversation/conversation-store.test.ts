import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from '../api/error';
import { type LiveMessagesSubscription, MessageOrder, MoreMessages, OpenConversation } from '../api/generated';
import type { LiveHandlers } from '../api/live';
import type { Message } from '../api/model';
import { sampleHead, sampleMessage } from '../testing/samples';
import { ConversationStore } from './conversation-store';

type Answer = (variables: Record<string, unknown>) => unknown;
const answers = new Map<unknown, Answer>();
const subscriptions: {
  variables: () => { after?: string | null | undefined };
  handlers: LiveHandlers<LiveMessagesSubscription>;
}[] = [];

vi.mock('../api/request', () => ({
  request: async (document: unknown, variables: Record<string, unknown>, signal: AbortSignal) => {
    await Promise.resolve();
    signal.throwIfAborted();
    return answers.get(document)?.(variables);
  },
}));
vi.mock('../api/live', () => ({
  subscribeLive: (_: unknown, variables: () => object, handlers: LiveHandlers<LiveMessagesSubscription>) => {
    subscriptions.push({ variables, handlers });
    return () => {};
  },
}));

const all = Array.from({ length: 5 }, (_, index) => sampleMessage(`m${index}`, index));

function page(nodes: readonly Message[], endCursor: string | null) {
  return { nodes, pageInfo: { hasNextPage: endCursor !== null, endCursor }, liveCursor: 'live-0' };
}

let number = 0;
function tell(kind: 'ADDED' | 'UPDATED' | 'REMOVED', message: Message): void {
  number += 1;
  subscriptions
    .at(-1)
    ?.handlers.next({ messages: { kind, message, cursor: `live-${number}`, conversation: sampleHead('c') } });
}

let store: ConversationStore;
const order = () => store.view.get().transcript.order;

beforeEach(() => {
  vi.useFakeTimers();
  number = 0;
  subscriptions.length = 0;
  answers.set(OpenConversation, () => ({
    conversation: { ...sampleHead('c'), messages: page(all.slice(0, 2), 'p1') },
  }));
  answers.set(MoreMessages, ({ after }) => ({
    conversation: { messages: after === 'p1' ? page(all.slice(2, 4), 'p2') : page(all.slice(4), null) },
  }));
  store = new ConversationStore({ project: 'p', id: 'c' });
});

afterEach(() => {
  store.close();
  vi.useRealTimers();
});

test('all pages are read, and the live updates begin where the first page stood', async () => {
  store.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(order()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
  expect(subscriptions[0]?.variables().after).toBe('live-0');
});

test('after a break the updates resume at the last event, even one that is not drawn yet', async () => {
  store.start();
  await vi.advanceTimersByTimeAsync(0);
  tell('ADDED', sampleMessage('m5', 5));
  expect(subscriptions[0]?.variables().after).toBe('live-1');
  await vi.advanceTimersByTimeAsync(600);
  expect(order().at(-1)).toBe('m5');
  expect(subscriptions[0]?.variables().after).toBe('live-1');
});

test('many events are drawn at once', async () => {
  store.start();
  await vi.advanceTimersByTimeAsync(0);
  const drawn = vi.fn();
  store.view.subscribe(drawn);
  for (let index = 5; index < 105; index += 1) tell('ADDED', sampleMessage(`m${index}`, index));
  await vi.advanceTimersByTimeAsync(600);
  expect(order()).toHaveLength(105);
  expect(drawn).toHaveBeenCalledTimes(1);
});

test('a message that came late is put where the gateway says', async () => {
  answers.set(MessageOrder, () => ({
    conversation: { messages: page([all[0], sampleMessage('late', 2.5), ...all.slice(1)] as Message[], null) },
  }));
  store.start();
  await vi.advanceTimersByTimeAsync(0);
  tell('ADDED', sampleMessage('late', 2.5));
  await vi.advanceTimersByTimeAsync(600);
  expect(order()).toEqual(['m0', 'm1', 'm2', 'late', 'm3', 'm4']);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(order()).toEqual(['m0', 'late', 'm1', 'm2', 'm3', 'm4']);
});

test('a cursor that is no longer good means reading from the beginning', async () => {
  store.start();
  await vi.advanceTimersByTimeAsync(0);
  subscriptions[0]?.handlers.failed?.(new ApiError('CURSOR_INVALID', 'rebuilt'));
  await vi.advanceTimersByTimeAsync(0);
  expect(subscriptions).toHaveLength(2);
  expect(order()).toHaveLength(5);
  expect(store.view.get().status).toBe('ready');
});

test('an unknown conversation is missing, one that went too; other failures are errors', async () => {
  answers.set(OpenConversation, () => ({ conversation: null }));
  store.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(store.view.get().status).toBe('missing');
  answers.set(OpenConversation, () => {
    throw new ApiError('UNAVAILABLE', 'the store does not answer');
  });
  await store.open();
  expect(store.view.get()).toMatchObject({ status: 'error', error: { message: 'the store does not answer' } });
});

test('closed while reading, it takes nothing more', async () => {
  store.start();
  store.close();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(order()).toEqual([]);
  expect(subscriptions).toEqual([]);
});
