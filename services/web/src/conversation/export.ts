import type { ConversationHead, Message, ToolCall } from '../api/model';
import { formatCost, formatCount } from '../format/number';
import { userName } from '../format/text';
import { formatUtc } from '../format/time';
import { layout, type TranscriptRow } from '../transcript/layout';
import { formatJson } from '../ui/json';

/** The transcript as a person would paste it into an issue: superseded answers and sub-agents are marked, not lost. */
export function toMarkdown(head: ConversationHead, messages: readonly Message[]): string {
  const user = userName(head.user);
  const facts = [
    `- Conversation: \`${head.id}\` (project ${head.project})`,
    `- ${formatUtc(head.startedAt)} to ${formatUtc(head.lastActivityAt)}`,
    ...(user ? [`- User: ${user}`] : []),
    `- ${formatCount(head.llmCalls)} LLM calls, ${formatCount(head.toolCalls)} tool calls, ${formatCount(head.errors)} errors, ${formatCount(head.usage.totalTokens)} tokens, ${formatCost(head.cost.total)}`,
  ];
  const blocks = everything(messages).map(row => {
    if (row.kind === 'thread') return `${quote(row.depth)}**Sub-agent ${agentOf(row.messages)}**`;
    return row.kind === 'message' ? messageBlock(row.message, row.depth) : null;
  });
  return `# Conversation\n\n${facts.join('\n')}\n\n${blocks.filter(block => block !== null).join('\n\n')}\n`;
}

/** What the page knows, in reading order and with the contract's names. */
export function toJson(head: ConversationHead, messages: readonly Message[]): string {
  const inOrder = everything(messages).flatMap(row => (row.kind === 'message' ? [row.message] : []));
  return JSON.stringify({ conversation: head, messages: inOrder }, null, 2);
}

/** All rows, with everything that can be opened open. */
function everything(messages: readonly Message[]): readonly TranscriptRow[] {
  const all = { has: () => true } as unknown as ReadonlySet<string>;
  return layout(messages, { opened: all, closed: new Set() });
}

function agentOf(messages: readonly Message[]): string {
  return messages.find(message => message.agent !== null)?.agent ?? '';
}

const SPEAKERS = { USER: 'User', ASSISTANT: 'Assistant', TOOL: 'Tool', OTHER: 'Other' } as const;

function messageBlock(message: Message, depth: number): string {
  const speaker = message.role === 'ASSISTANT' ? (message.agent ?? SPEAKERS.ASSISTANT) : SPEAKERS[message.role];
  const marks = [
    formatUtc(message.timestamp),
    ...(message.model ? [message.model] : []),
    ...(message.superseded ? ['superseded'] : []),
    ...(message.summary ? ["a summary in the model's context"] : []),
    ...(message.unseenMessages > 0 ? [`without ${message.unseenMessages} earlier messages`] : []),
  ];
  const parts = [
    `**${speaker}** (${marks.join(', ')})`,
    ...(message.text === null ? [] : [message.text]),
    ...(message.contentCaptured ? [] : ['_Content not captured._']),
    ...(message.error ? [`_Error: ${[message.error.type, message.error.message].filter(Boolean).join(': ')}_`] : []),
    ...message.toolCalls.map(toolBlock),
  ];
  const prefix = quote(depth);
  return parts
    .join('\n\n')
    .split('\n')
    .map(line => `${prefix}${line}`.trimEnd())
    .join('\n');
}

function quote(depth: number): string {
  return '> '.repeat(depth);
}

function toolBlock(call: ToolCall): string {
  const outcome = call.error ? (call.error.message ?? call.error.type ?? 'failed') : call.result;
  const name = call.status === 'ERROR' ? 'Error' : 'Result';
  return [
    `Tool \`${call.name}\``,
    ...(call.arguments === null ? [] : [fenced(formatJson(call.arguments))]),
    ...(outcome === null ? [] : [`${name}:`, fenced(formatJson(outcome))]),
  ].join('\n\n');
}

/** A fence longer than any in the text, so that the text cannot end it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(match => match[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
