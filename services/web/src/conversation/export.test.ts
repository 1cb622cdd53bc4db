import { expect, test } from 'vitest';
import { at, sampleCall, sampleHead, sampleMessage } from '../testing/samples';
import { toJson, toMarkdown } from './export';

const messages = [
  sampleMessage('ask', 0, { role: 'USER', text: 'Where is it?' }),
  sampleMessage('old', 1, { agent: 'guide', text: 'Somewhere.', superseded: true }),
  sampleMessage('call', 2, {
    agent: 'guide',
    model: 'm-1',
    text: null,
    toolCalls: [
      sampleCall('c1', { name: 'find', arguments: { what: 'it' }, result: 'a ``` fence' }),
      sampleCall('c2', {
        name: 'ask',
        status: 'ERROR',
        result: null,
        error: { type: 'Timeout', message: 'too slow', handled: null, eventId: null },
      }),
    ],
  }),
  sampleMessage('inner', 3, { agent: 'scout', text: 'line one\nline two', thread: 1, threadParent: 'c1' }),
  sampleMessage('end', 4, { agent: 'guide', text: '**There.**' }),
  sampleMessage('lost', 5, { role: 'USER', text: null, contentCaptured: false }),
];
const head = sampleHead('c-1', {
  user: { id: 'u', email: 'user-7@example.com', name: null, ipAddress: null },
  llmCalls: 3,
  toolCalls: 2,
  errors: 1,
});

test('Markdown keeps who said what, in order, with tools, threads and superseded answers', () => {
  expect(toMarkdown(head, messages)).toBe(`# Conversation

- Conversation: \`c-1\` (project p)
- 2026-11-23 06:00:00.000000 UTC to 2026-11-23 06:01:00.000000 UTC
- User: user-7@example.com
- 3 LLM calls, 2 tool calls, 1 errors, 0 tokens, $0

**User** (2026-11-23 06:00:00.000000 UTC)

Where is it?

**guide** (2026-11-23 06:00:01.000000 UTC, superseded)

Somewhere.

**guide** (2026-11-23 06:00:02.000000 UTC, m-1)

Tool \`find\`

\`\`\`
{
  "what": "it"
}
\`\`\`

Result:

\`\`\`\`
a \`\`\` fence
\`\`\`\`

Tool \`ask\`

\`\`\`
{
  "q": "x"
}
\`\`\`

Error:

\`\`\`
too slow
\`\`\`

> **Sub-agent scout**

> **scout** (2026-11-23 06:00:03.000000 UTC)
>
> line one
> line two

**guide** (2026-11-23 06:00:04.000000 UTC)

**There.**

**User** (2026-11-23 06:00:05.000000 UTC)

_Content not captured._
`);
});

test('JSON holds the conversation and every message in reading order', () => {
  const parsed = JSON.parse(toJson(head, messages));
  expect(parsed.conversation).toEqual(head);
  expect(parsed.messages.map((message: { id: string }) => message.id)).toEqual([
    'ask',
    'old',
    'call',
    'inner',
    'end',
    'lost',
  ]);
  expect(parsed.messages[0].timestamp).toBe(at(0));
});
