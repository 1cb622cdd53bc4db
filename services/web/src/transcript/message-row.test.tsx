import { fireEvent, render, screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import type { Message } from '../api/model';
import { DEFAULTS } from '../api/settings';
import { SettingsContext } from '../state/settings';
import { sampleCall, sampleMessage } from '../testing/samples';
import { type TranscriptActions, TranscriptContext } from './actions';
import { ErrorText } from './error-text';
import { MessageRow } from './message-row';

function show(message: Message, actions: Partial<TranscriptActions> = {}) {
  const all: TranscriptActions = {
    openSpan: () => {},
    toggle: () => {},
    messageUrl: id => `http://page/#m-${id}`,
    openSpanId: null,
    target: null,
    ...actions,
  };
  return render(
    <TranscriptContext value={all}>
      <MessageRow message={message} continues={false} />
    </TranscriptContext>,
  );
}

const USAGE = {
  inputTokens: 1200,
  cachedInputTokens: 1000,
  cacheWriteInputTokens: 0,
  outputTokens: 80,
  reasoningTokens: 30,
  totalTokens: 1280,
};

test('an answer says who, with which model, how long, how many tokens and for how much', () => {
  show(
    sampleMessage('m', 0, {
      agent: 'concierge',
      model: 'gpt-4.1',
      durationMs: 1400,
      usage: USAGE,
      cost: { input: 0.01, output: 0.02, total: 0.03, unpricedCalls: 0 },
    }),
  );
  for (const text of ['concierge', 'gpt-4.1', '1.4 s', '$0.030']) {
    expect(screen.getByText(text)).toBeTruthy();
  }
  const tokens = screen.getByTitle(/1,200 input tokens, 1000 of them cached.*30 of them reasoning/);
  expect(tokens.textContent).toBe('1,200 → 80 tokens');
});

test('a cost that is not known is said to be unknown, not nothing', () => {
  show(sampleMessage('m', 0, { cost: { input: 0, output: 0, total: 0, unpricedCalls: 1 } }));
  expect(screen.getByText('unpriced')).toBeTruthy();
  expect(screen.queryByText('$0')).toBeNull();
});

test('reasoning is folded until asked for', () => {
  show(sampleMessage('m', 0, { reasoning: 'because of this' }));
  expect(screen.queryByText('because of this')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: /Reasoning/ }));
  expect(screen.getByText('because of this')).toBeTruthy();
});

test('a tool call opens to its arguments and its result, JSON in a string included', () => {
  show(sampleMessage('m', 0, { toolCalls: [sampleCall('c', { name: 'lookup', result: '{"found":true}' })] }));
  fireEvent.click(screen.getByRole('button', { name: /lookup/, expanded: false }));
  expect(screen.getByRole('group', { name: 'Arguments' }).textContent).toBe('{\n  "q": "x"\n}');
  expect(screen.getByRole('group', { name: 'Result' }).textContent).toBe('{\n  "found": true\n}');
});

test('a failed call shows its error in place', () => {
  const error = { type: 'Timeout', message: 'no answer within 2 s', handled: null, eventId: null };
  show(sampleMessage('m', 0, { toolCalls: [sampleCall('c', { status: 'ERROR', error, result: null })] }));
  fireEvent.click(screen.getByRole('button', { name: /no answer within 2 s/ }));
  expect(screen.getByText('Timeout')).toBeTruthy();
});

test('an error that an event tells of links to it where there is a tool for it', () => {
  const error = { type: 'KeyError', message: null, handled: false, eventId: 'e/1' };
  const row = <ErrorText error={error} />;
  const { rerender } = render(row);
  expect(screen.getByText(/not handled/)).toBeTruthy();
  expect(screen.queryByRole('link')).toBeNull();
  for (const [template, href] of [
    ['https://errors.example.com/?query={eventId}', 'https://errors.example.com/?query=e%2F1'],
    ['javascript:alert("{eventId}")', null],
  ] as const) {
    rerender(<SettingsContext value={{ ...DEFAULTS, errorUrlTemplate: template }}>{row}</SettingsContext>);
    expect(screen.queryByRole('link')?.getAttribute('href') ?? null).toBe(href);
  }
});

test('many calls at once are cut, and the failed among the hidden are told', () => {
  const calls = Array.from({ length: 9 }, (_, index) =>
    sampleCall(`c${index}`, { name: `tool_${index}`, status: index === 8 ? 'ERROR' : 'OK' }),
  );
  show(sampleMessage('m', 0, { toolCalls: calls }));
  expect(screen.queryByText('tool_8')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Show 3 more tool calls, 1 of them failed' }));
  expect(screen.getByText('tool_8')).toBeTruthy();
});

test('content that was not captured is said to be so', () => {
  show(sampleMessage('m', 0, { text: null, contentCaptured: false }));
  expect(screen.getByText(/its content was not captured/)).toBeTruthy();
});

test('a turn that only calls tools has no empty bubble', () => {
  const { container } = show(sampleMessage('m', 0, { text: null, toolCalls: [sampleCall('c')] }));
  expect(container.querySelector('.bubble')).toBeNull();
});

test('long content is folded and can be opened', () => {
  show(sampleMessage('m', 0, { text: `start ${'word '.repeat(2000)}end` }));
  expect(screen.queryByText(/end$/)).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: /Show all/ }));
  expect(screen.getByText(/end$/)).toBeTruthy();
});

test('clicking what was said, or its button, opens its span; clicking a link does not', () => {
  const openSpan = vi.fn();
  show(sampleMessage('m', 0, { text: 'see [this](https://example.com)', spans: [{ id: 's1', name: 'chat' }] }), {
    openSpan,
  });
  const link = screen.getByRole('link', { name: 'this' });
  // There is nothing at the other end of a link in a test.
  link.addEventListener('click', event => event.preventDefault());
  fireEvent.click(link);
  expect(openSpan).not.toHaveBeenCalled();
  fireEvent.click(screen.getByText(/see/));
  fireEvent.click(screen.getByRole('button', { name: 'Details of this message' }));
  expect(openSpan.mock.calls).toEqual([['s1'], ['s1']]);
});

test('a result whose call is unknown is shown by its result', () => {
  const parts = [
    { type: 'TOOL_RESULT' as const, mimeType: null, uri: null, json: { id: 'x', name: 'n', result: 'rainy' } },
  ];
  show(sampleMessage('m', 0, { role: 'TOOL', text: null, parts }));
  expect(screen.getByRole('group', { name: 'Part of the message' }).textContent).toBe('rainy');
});

test('names and arguments are text, never markup', () => {
  const attack = '<img src=x onerror="window.hacked=true">';
  const { container } = show(
    sampleMessage('m', 0, {
      agent: attack,
      model: attack,
      error: { type: attack, message: attack, handled: false, eventId: attack },
      toolCalls: [sampleCall('c', { name: attack, arguments: { [attack]: attack }, result: attack })],
    }),
  );
  fireEvent.click(screen.getByRole('button', { name: /onerror/, expanded: false }));
  expect(container.querySelector('img')).toBeNull();
});

test('what the model no longer saw is told, and what stands in its place', () => {
  show(sampleMessage('m', 0, { unseenMessages: 7 }));
  expect(screen.getByText('without 7 earlier messages')).toBeTruthy();
  show(sampleMessage('n', 1, { role: 'USER', summary: true }));
  expect(screen.getByText(/earlier messages that it no longer saw/)).toBeTruthy();
});

test('a call that the conversation went on without is abandoned, not awaited', () => {
  show(sampleMessage('m', 0, { toolCalls: [sampleCall('c', { status: 'PENDING', result: null, abandoned: true })] }));
  expect(screen.queryByText('no result yet')).toBeNull();
  expect(screen.getAllByText('abandoned')).toHaveLength(2);
});
