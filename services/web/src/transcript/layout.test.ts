import { expect, test } from 'vitest';
import { sampleCall, sampleMessage } from '../testing/samples';
import { foldsAround, layout, NOTHING_FOLDED, opened, type TranscriptRow, threadKey, toggled } from './layout';

function shape(rows: readonly TranscriptRow[]): string[] {
  return rows.map(row => `${'  '.repeat(row.depth)}${row.kind === 'message' ? row.message.id : row.key}`);
}

test('a thread stands under the message whose tool call opened it', () => {
  const messages = [
    sampleMessage('ask', 0, { role: 'USER' }),
    sampleMessage('delegate', 1, { toolCalls: [sampleCall('call-1'), sampleCall('call-2')] }),
    sampleMessage('answer', 9),
    sampleMessage('inner-b', 3, { thread: 2, threadParent: 'call-2' }),
    sampleMessage('inner-a', 2, { thread: 1, threadParent: 'call-1' }),
  ];
  expect(shape(layout(messages, NOTHING_FOLDED))).toEqual([
    'ask',
    'delegate',
    '  thread-2',
    '  inner-b',
    '  thread-1',
    '  inner-a',
    'answer',
  ]);
});

test('a thread may be opened by a span, and by a message of another thread', () => {
  const messages = [
    sampleMessage('root', 0, { toolCalls: [sampleCall('c', { span: { id: 's1', name: 'chat' } })] }),
    sampleMessage('child', 1, { thread: 1, threadParent: 's1', spans: [{ id: 's2', name: 'chat' }] }),
    sampleMessage('grandchild', 2, { thread: 2, threadParent: 's2' }),
  ];
  expect(shape(layout(messages, NOTHING_FOLDED))).toEqual([
    'root',
    '  thread-1',
    '  child',
    '    thread-2',
    '    grandchild',
  ]);
});

test('a thread whose opener is unknown stands where the reading order has it', () => {
  const messages = [
    sampleMessage('one', 0),
    sampleMessage('inner', 1, { thread: 1, threadParent: 'agent-span' }),
    sampleMessage('two', 2),
  ];
  expect(shape(layout(messages, NOTHING_FOLDED))).toEqual(['one', '  thread-1', '  inner', 'two']);
});

test('no message is lost when threads name each other as opener', () => {
  const messages = [
    sampleMessage('a', 0, { thread: 1, threadParent: 'b-call', toolCalls: [sampleCall('a-call')] }),
    sampleMessage('b', 1, { thread: 2, threadParent: 'a-call', toolCalls: [sampleCall('b-call')] }),
  ];
  const shown = layout(messages, NOTHING_FOLDED).filter(row => row.kind === 'message');
  expect(shown).toHaveLength(2);
});

test('long threads begin folded and can be opened; short ones can be folded', () => {
  const inner = Array.from({ length: 20 }, (_, index) =>
    sampleMessage(`i${index}`, index, { thread: 1, threadParent: 'c' }),
  );
  const messages = [sampleMessage('root', 0, { toolCalls: [sampleCall('c')] }), ...inner];
  expect(layout(messages, NOTHING_FOLDED)).toHaveLength(2);
  const open = toggled(NOTHING_FOLDED, threadKey(1), false);
  expect(layout(messages, open)).toHaveLength(22);
  expect(layout(messages.slice(0, 4), toggled(NOTHING_FOLDED, threadKey(1), true))).toHaveLength(2);
});

test('superseded answers fold into one row and remain reachable', () => {
  const messages = [
    sampleMessage('ask', 0, { role: 'USER' }),
    sampleMessage('first', 1, { superseded: true }),
    sampleMessage('second', 2, { superseded: true }),
    sampleMessage('kept', 3),
  ];
  expect(shape(layout(messages, NOTHING_FOLDED))).toEqual(['ask', 'superseded-first', 'kept']);
  const open = opened(NOTHING_FOLDED, foldsAround(messages, 'second'));
  expect(shape(layout(messages, open))).toEqual(['ask', 'superseded-first', 'first', 'second', 'kept']);
});

test('a message deep inside names every fold around it', () => {
  const messages = [
    sampleMessage('root', 0, { superseded: true, toolCalls: [sampleCall('c')] }),
    sampleMessage('inner', 1, { thread: 1, threadParent: 'c', toolCalls: [sampleCall('d')] }),
    sampleMessage('innermost', 2, { thread: 2, threadParent: 'd', superseded: true }),
  ];
  expect(foldsAround(messages, 'innermost')).toEqual([
    'superseded-innermost',
    'thread-2',
    'thread-1',
    'superseded-root',
  ]);
});

test('the same agent speaking on is not named again', () => {
  const voice = { agent: 'a', model: 'm' };
  const rows = layout(
    [
      sampleMessage('1', 0, voice),
      sampleMessage('2', 1, voice),
      sampleMessage('3', 2, { agent: 'b', model: 'm' }),
      sampleMessage('4', 3, { role: 'USER' }),
      sampleMessage('5', 4, { agent: 'b', model: 'm' }),
    ],
    NOTHING_FOLDED,
  );
  expect(rows.map(row => row.kind === 'message' && row.continues)).toEqual([false, true, false, false, false]);
});

test('a new day is marked, the first day is not', () => {
  const day = 86_400;
  const rows = layout([sampleMessage('1', 0), sampleMessage('2', day), sampleMessage('3', day + 1)], NOTHING_FOLDED);
  expect(shape(rows)).toEqual(['1', 'day-2', '2', '3']);
});
