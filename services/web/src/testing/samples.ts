import type { ConversationHead, ConversationRow, Message, ToolCall } from '../api/model';

const USAGE = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  totalTokens: 0,
};
const COST = { input: 0, output: 0, total: 0, unpricedCalls: 0 };

/** A moment of the test's day, by its second. */
export function at(second: number): string {
  return new Date(Date.UTC(2026, 10, 23, 6, 0, 0) + second * 1000).toISOString().replace('Z', '000Z');
}

export function sampleRow(id: string, second: number, change: Partial<ConversationRow> = {}): ConversationRow {
  return {
    id,
    project: 'p',
    status: 'OPEN',
    startedAt: at(0),
    lastActivityAt: at(second),
    durationMs: second * 1000,
    firstInput: `question ${id}`,
    lastOutput: `answer ${id}`,
    llmCalls: 1,
    toolCalls: 0,
    errors: 0,
    toolErrors: 0,
    usage: USAGE,
    cost: COST,
    agents: [],
    models: [],
    tools: [],
    user: null,
    environment: null,
    inferred: false,
    ...change,
  };
}

export function sampleHead(id: string, change: Partial<ConversationHead> = {}): ConversationHead {
  return {
    ...sampleRow(id, 60),
    revision: 0,
    finalizedAt: null,
    generationMs: 0,
    usageByModel: [],
    traceIds: [],
    messageCount: 0,
    omittedSpans: 0,
    missingParents: 0,
    ...change,
  };
}

export function sampleMessage(id: string, second: number, change: Partial<Message> = {}): Message {
  return {
    id,
    role: 'ASSISTANT',
    text: `text of ${id}`,
    reasoning: null,
    parts: [],
    timestamp: at(second),
    agent: null,
    model: null,
    finishReason: null,
    durationMs: null,
    usage: null,
    cost: null,
    error: null,
    toolCalls: [],
    thread: 0,
    threadParent: null,
    superseded: false,
    summary: false,
    unseenMessages: 0,
    contentCaptured: true,
    spans: [],
    ...change,
  };
}

export function sampleCall(id: string, change: Partial<ToolCall> = {}): ToolCall {
  return {
    id,
    callId: null,
    name: 'search',
    arguments: { q: 'x' },
    result: 'found',
    status: 'OK',
    abandoned: false,
    error: null,
    startedAt: null,
    durationMs: 12,
    span: null,
    ...change,
  };
}
