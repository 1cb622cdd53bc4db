import { expect, test } from 'vitest';
import { messagesIn } from './payload-messages';

test('messages in parts and in plain form are read', () => {
  const call = { type: 'tool_call', id: 'k', name: 'find', arguments: {} };
  expect(
    messagesIn([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'one' }, 'two'] },
      { role: 'assistant', parts: [{ type: 'text', content: 'three' }, call], finish_reason: 'tool_call' },
      { role: 'assistant', content: null, tool_calls: [1] },
    ]),
  ).toEqual([
    { role: 'system', text: 'Be brief.', rest: null },
    { role: 'user', text: 'one\ntwo', rest: null },
    { role: 'assistant', text: 'three', rest: [call] },
    { role: 'assistant', text: null, rest: { tool_calls: [1] } },
  ]);
});

test('messages within a string or a wrapper are found', () => {
  const wanted = [{ role: 'user', text: 'hi', rest: null }];
  expect(messagesIn('[{"role":"user","content":"hi"}]')).toEqual(wanted);
  expect(messagesIn({ messages: [{ role: 'user', content: 'hi' }] })).toEqual(wanted);
  expect(messagesIn({ role: 'user', content: 'hi' })).toEqual(wanted);
});

test('what is not messages stays what it is', () => {
  for (const value of ['plain', '{"a":1}', '[truncated', 42, [], [1], { a: 1 }, null])
    expect(messagesIn(value)).toBeNull();
});
