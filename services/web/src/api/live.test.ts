import type { Sink } from 'graphql-ws';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connection } from './connection';
import type { LiveMessages, LiveMessagesSubscriptionVariables } from './generated';
import { subscribeLive } from './live';
import { session, signIn } from './session';

interface Sent {
  readonly variables: LiveMessagesSubscriptionVariables;
  readonly sink: Sink<{ data?: unknown }>;
}

const sent: Sent[] = [];
const unsubscribed = vi.fn();

vi.mock('./socket', () => ({
  socketClient: () => ({
    // As the real client does, the payload is read when it is sent.
    subscribe: (payload: { variables: LiveMessagesSubscriptionVariables }, sink: Sent['sink']) => {
      sent.push({ variables: payload.variables, sink });
      return unsubscribed;
    },
  }),
}));

const document = 'subscription { … }' as unknown as typeof LiveMessages;
let cursor: string | null = null;
let stop = () => {};
const next = vi.fn();
const open = vi.fn();
const failed = vi.fn();

function subscribe(): void {
  stop = subscribeLive(document, () => ({ project: 'p', conversation: 'c', after: cursor }), { next, open, failed });
}

beforeEach(() => {
  vi.useFakeTimers();
  sent.length = 0;
  cursor = null;
  for (const mock of [next, open, failed, unsubscribed]) mock.mockReset();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

const last = () => sent.at(-1) as Sent;

test('after a break it resumes from the cursor of that moment', async () => {
  subscribe();
  await vi.advanceTimersByTimeAsync(0);
  expect(last().variables.after).toBeNull();
  expect(connection.get()).toBe('live');
  last().sink.next({ data: { messages: 1 } });
  cursor = 'seen-1';
  last().sink.error(new CloseEvent('close', { code: 1006 }));
  expect(connection.get()).toBe('reconnecting');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toHaveLength(2);
  expect(last().variables.after).toBe('seen-1');
  expect(connection.get()).toBe('live');
  expect(next).toHaveBeenCalledTimes(1);
  expect(open.mock.calls).toEqual([[false], [true]]);
});

test('a subscriber that was too slow begins again with its cursor', async () => {
  subscribe();
  cursor = 'seen-7';
  last().sink.next({ errors: [{ message: 'too slow', extensions: { code: 'RECONNECT_WITH_CURSOR' } }] } as never);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(last().variables.after).toBe('seen-7');
  expect(failed).not.toHaveBeenCalled();
});

test('what a broken subscription still delivers is not taken', async () => {
  subscribe();
  const { sink } = last();
  sink.error(new CloseEvent('close', { code: 1006 }));
  sink.next({ data: { messages: 1 } });
  expect(next).not.toHaveBeenCalled();
});

test('a server that ends the subscription normally is asked again', async () => {
  subscribe();
  last().sink.complete();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toHaveLength(2);
});

test('waits grow while the gateway is away, up to a limit, and shrink once it is back', async () => {
  subscribe();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 9; attempt += 1) {
    last().sink.error(new CloseEvent('close', { code: 1006 }));
    const count = sent.length;
    let waited = 0;
    while (sent.length === count) {
      await vi.advanceTimersByTimeAsync(50);
      waited += 50;
    }
    waits.push(waited);
  }
  expect(waits[0]).toBeLessThanOrEqual(300);
  expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
  expect(waits[8]).toBeGreaterThanOrEqual(5_000);
  last().sink.next({ data: { messages: 1 } });
  last().sink.error(new CloseEvent('close', { code: 1006 }));
  const count = sent.length;
  await vi.advanceTimersByTimeAsync(300);
  expect(sent.length).toBe(count + 1);
});

test('the network coming back ends the wait', async () => {
  subscribe();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    last().sink.error(new CloseEvent('close', { code: 1006 }));
    await vi.advanceTimersByTimeAsync(10_000);
  }
  last().sink.error(new CloseEvent('close', { code: 1006 }));
  const count = sent.length;
  window.dispatchEvent(new Event('online'));
  expect(sent.length).toBe(count + 1);
});

test('an error that will not go away ends it, and says so', async () => {
  subscribe();
  last().sink.error([{ message: 'rebuilt', extensions: { code: 'CURSOR_INVALID' } }] as never);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toHaveLength(1);
  expect(failed.mock.calls[0]?.[0]).toMatchObject({ code: 'CURSOR_INVALID', message: 'rebuilt' });
  expect(connection.get()).toBe('idle');
});

test('a refused token asks for another one', async () => {
  signIn('old');
  subscribe();
  last().sink.error(new CloseEvent('close', { code: 4403 }));
  expect(session.get()).toEqual({ token: null, signInRequired: true, refused: true });
});

test('after the end nothing is asked, taken or shown any more', async () => {
  subscribe();
  const { sink } = last();
  stop();
  sink.next({ data: { messages: 1 } });
  sink.error(new CloseEvent('close', { code: 1006 }));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toHaveLength(1);
  expect(next).not.toHaveBeenCalled();
  expect(unsubscribed).toHaveBeenCalled();
  expect(connection.get()).toBe('idle');
});
