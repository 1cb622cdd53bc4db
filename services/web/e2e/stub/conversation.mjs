// One conversation of the stub: its spans, its messages in reading order, and the log of changes that cursors point
// into. Totals are summed from what was said, so the page's numbers agree with each other.
import { createHash } from 'node:crypto';

const PRICES = { 'gpt-4.1': [2, 8], 'claude-sonnet-4': [3, 15], 'gpt-4.1-mini': [0.4, 1.6] };
const PER_MILLION = 1e6;

export const iso = ms =>
  new Date(ms).toISOString().replace('Z', `${String(Math.round((ms % 1) * 1000)).padStart(3, '0')}Z`);

let spanNumber = 0;
const hex = (number, length) => createHash('sha256').update(String(number)).digest('hex').slice(0, length);

export class StubConversation {
  constructor({ project, id, startedAt, user = null, environment = 'production', inferred = false }) {
    Object.assign(this, { project, id, user, environment, inferred });
    this.now = startedAt;
    this.status = 'OPEN';
    this.revision = 0;
    this.finalizedAt = null;
    this.messages = [];
    this.spans = [];
    this.systemPrompts = [];
    this.relatedKeys = [];
    this.traces = [];
    // What the head says about what is not there.
    this.omittedSpans = 0;
    this.missingParents = 0;
    this.repeatedReports = 0;
    this.log = [];
    this.listeners = new Set();
    this.newTrace();
  }

  newTrace() {
    this.trace = hex(`trace ${++spanNumber}`, 32);
    this.traces.push(this.trace);
  }

  span(operation, name, startMs, endMs, rest = {}) {
    const id = hex(++spanNumber, 16);
    const span = {
      id,
      traceId: this.trace,
      parentSpanId: rest.parent ?? null,
      parent: null,
      name,
      operation,
      startedAt: iso(startMs),
      endedAt: iso(endMs),
      durationMs: endMs - startMs,
      error: null,
      agent: null,
      requestModel: null,
      responseModel: null,
      provider: null,
      tool: null,
      usage: null,
      cost: null,
      counted: rest.usage ? true : null,
      input: null,
      output: null,
      attributes: {},
      resource: { 'service.name': this.project, 'telemetry.sdk.language': 'python' },
      instrumentation: 'otel/opentelemetry.instrumentation.openai_v2',
      ...rest,
    };
    span.attributes = {
      'gen_ai.conversation.id': this.id,
      'gen_ai.operation.name': operation.toLowerCase(),
      ...(span.requestModel
        ? { 'gen_ai.request.model': span.requestModel, 'gen_ai.response.model': span.responseModel }
        : {}),
      ...(span.tool ? { 'gen_ai.tool.name': span.tool } : {}),
      ...(span.usage
        ? { 'gen_ai.usage.input_tokens': span.usage.inputTokens, 'gen_ai.usage.output_tokens': span.usage.outputTokens }
        : {}),
      'server.address': 'api.example.com',
      'service.name': this.project,
      'deployment.environment.name': this.environment,
      'telemetry.sdk.language': 'python',
      ...rest.attributes,
    };
    this.spans.push(span);
    this.spans.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
    return span;
  }

  message(role, text, rest = {}) {
    const message = {
      id: hex(this.messages.length * 31 + this.id.length * 104729 + this.log.length + 1, 16),
      role,
      text,
      reasoning: null,
      parts: text === null ? [] : [{ type: 'TEXT', text }],
      timestamp: iso(this.now),
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
      ...rest,
    };
    this.messages.push(message);
    this.record('ADDED', message);
    return message;
  }

  change(message, changes) {
    Object.assign(message, changes);
    this.record('UPDATED', message);
  }

  remove(message) {
    this.messages = this.messages.filter(other => other !== message);
    this.record('REMOVED', message);
  }

  record(kind, message) {
    this.log.push({ kind, message: structuredClone(message), cursor: `live-${this.log.length + 1}` });
    for (const listener of this.listeners) listener();
  }

  usage(model, input, output, { cached = 0, written = 0, reasoning = 0 } = {}) {
    const price = PRICES[model];
    const inputCost = price ? ((input - cached) * price[0] + cached * price[0] * 0.1) / PER_MILLION : 0;
    const outputCost = price ? (output * price[1]) / PER_MILLION : 0;
    return {
      usage: {
        inputTokens: input,
        cachedInputTokens: cached,
        cacheWriteInputTokens: written,
        outputTokens: output,
        reasoningTokens: reasoning,
        totalTokens: input + output,
      },
      cost: { input: inputCost, output: outputCost, total: inputCost + outputCost, unpricedCalls: price ? 0 : 1 },
    };
  }

  get calls() {
    return this.spans.filter(span => span.operation === 'CHAT');
  }

  head() {
    const toolCalls = this.messages.flatMap(message => message.toolCalls);
    const said = this.messages.filter(message => message.text !== null && message.thread === 0);
    const started = this.spans[0]?.startedAt ?? this.messages[0]?.timestamp;
    const last = [...this.spans.map(span => span.endedAt), ...this.messages.map(message => message.timestamp)]
      .sort()
      .at(-1);
    const toolErrors = toolCalls.filter(call => call.status === 'ERROR').length;
    return {
      id: this.id,
      project: this.project,
      status: this.status,
      revision: this.revision,
      finalizedAt: this.finalizedAt,
      startedAt: started,
      lastActivityAt: last,
      durationMs: Date.parse(last) - Date.parse(started),
      generationMs: this.calls.reduce((sum, span) => sum + span.durationMs, 0),
      firstInput: said.find(message => message.role === 'USER')?.text ?? null,
      lastOutput: said.findLast(message => message.role === 'ASSISTANT')?.text ?? null,
      llmCalls: this.calls.length,
      toolCalls: toolCalls.length,
      toolErrors,
      errors: toolErrors + this.calls.filter(span => span.error).length,
      usage: sumUsage(this.calls),
      cost: sumCost(this.calls),
      usageByModel: this.usageByModel(),
      agents: distinct([...this.spans, ...this.messages].map(each => each.agent)),
      models: distinct(this.calls.map(span => span.responseModel)),
      tools: distinct(toolCalls.map(call => call.name)),
      user: this.user,
      environment: this.environment,
      traceIds: this.traces,
      spanCount: this.spans.length,
      messageCount: this.messages.length,
      omittedSpans: this.omittedSpans,
      missingParents: this.missingParents,
      repeatedReports: this.repeatedReports,
      inferred: this.inferred,
      systemPrompts: this.systemPrompts,
    };
  }

  usageByModel() {
    return distinct(this.calls.map(span => span.responseModel)).map(model => {
      const calls = this.calls.filter(span => span.responseModel === model);
      return {
        model,
        provider: calls[0].provider,
        llmCalls: calls.length,
        usage: sumUsage(calls),
        cost: sumCost(calls),
      };
    });
  }
}

const distinct = values => [...new Set(values.filter(Boolean))];
const sum = (spans, read) => spans.reduce((total, span) => total + read(span), 0);
const sumKeys = (spans, field, keys) =>
  Object.fromEntries(keys.map(key => [key, sum(spans, span => span[field]?.[key] ?? 0)]));
const sumUsage = spans =>
  sumKeys(spans, 'usage', [
    'inputTokens',
    'cachedInputTokens',
    'cacheWriteInputTokens',
    'outputTokens',
    'reasoningTokens',
    'totalTokens',
  ]);
const sumCost = spans => sumKeys(spans, 'cost', ['input', 'output', 'total', 'unpricedCalls']);
