// The words in which scenarios are written: who says what, which tools run, how long it takes.
const CALL_MS = 1_400;

export class Script {
  constructor(conversation, { agent = 'concierge', model = 'gpt-4.1', provider = 'openai' } = {}) {
    this.conversation = conversation;
    this.voice = { agent, model, provider };
    this.place = { thread: 0, threadParent: null };
    this.history = [];
  }

  wait(ms) {
    this.conversation.now += ms;
    return this;
  }

  turn() {
    this.conversation.newTrace();
    this.agentSpan = null;
    return this;
  }

  system(text) {
    const { systemPrompts, now } = this.conversation;
    systemPrompts.push({ text, agent: this.voice.agent, firstUsedAt: new Date(now).toISOString(), calls: 1 });
    return this;
  }

  user(text, rest = {}) {
    this.history.push({ role: 'user', content: text });
    const message = this.conversation.message('USER', text, { ...this.place, ...rest });
    this.conversation.now += 15;
    this.carried = message;
    return message;
  }

  /** One LLM call and the message it made. `tools` run after it, all at once when `parallel`. */
  assistant(
    text,
    { tools = [], parallel = false, ms = CALL_MS, input = 900, output = 120, error = null, kinds, ...rest } = {},
  ) {
    const { conversation, voice } = this;
    const start = conversation.now;
    const end = start + ms;
    const { usage, cost } = conversation.usage(voice.model, input, output, kinds);
    const span = conversation.span('CHAT', `chat ${voice.model}`, start, end, {
      agent: voice.agent,
      requestModel: voice.model,
      responseModel: voice.model,
      provider: voice.provider,
      parent: this.parent ?? null,
      error,
      usage: error ? null : usage,
      cost: error ? null : cost,
      input: structuredClone(this.history),
      output: text === null ? null : [{ role: 'assistant', content: text }],
    });
    if (this.carried) this.carried.spans = [span];
    this.carried = null;
    conversation.now = end;
    const toolCalls = this.runTools(tools, parallel);
    const said = conversation.messages.length;
    const message = conversation.message('ASSISTANT', text, {
      ...this.place,
      agent: voice.agent,
      model: voice.model,
      durationMs: ms,
      timestamp: span.endedAt,
      usage: error ? null : usage,
      cost: error ? null : cost,
      error,
      toolCalls,
      spans: [span],
      finishReason: error ? null : toolCalls.length > 0 ? 'tool_calls' : 'stop',
      ...rest,
    });
    this.history.push({ role: 'assistant', content: text });
    conversation.now += 20;
    return Object.assign(message, { said });
  }

  runTools(tools, parallel) {
    const { conversation } = this;
    const begin = conversation.now;
    let latest = begin;
    return tools.map(
      ({ name, args = {}, result = null, ms = 350, error = null, pending = false, abandoned = false }, index) => {
        const start = parallel ? begin + index * 12 : latest + 8;
        const end = start + ms;
        latest = Math.max(latest, end);
        conversation.now = latest;
        const span = pending
          ? null
          : conversation.span('EXECUTE_TOOL', `execute_tool ${name}`, start, end, {
              tool: name,
              agent: this.voice.agent,
              parent: this.parent ?? null,
              input: args,
              output: result,
              error,
            });
        return {
          id: `call_${span?.id.slice(-8) ?? `${name}_${index}`}`,
          name,
          arguments: args,
          result,
          error,
          span,
          status: pending ? 'PENDING' : error ? 'ERROR' : 'OK',
          abandoned,
          startedAt: span?.startedAt ?? null,
          durationMs: span ? ms : null,
        };
      },
    );
  }

  /** A sub-agent with a context of its own, opened by the last tool call of `opener`. */
  subAgent(opener, voice, play) {
    const { conversation } = this;
    const call = opener.toolCalls.at(-1);
    const toolSpan = call.span;
    const before = { end: conversation.now };
    conversation.now = Date.parse(toolSpan.startedAt) + 5;
    const inner = new Script(conversation, voice);
    const thread = Math.max(...conversation.messages.map(message => message.thread)) + 1;
    inner.place = { thread, threadParent: call.id };
    const agentSpan = conversation.span(
      'INVOKE_AGENT',
      `invoke_agent ${voice.agent}`,
      conversation.now,
      conversation.now,
      {
        agent: voice.agent,
        parent: toolSpan.id,
      },
    );
    inner.parent = agentSpan.id;
    play(inner);
    stretch(agentSpan, conversation.now);
    stretch(toolSpan, conversation.now + 5);
    call.durationMs = toolSpan.durationMs;
    conversation.now = Math.max(conversation.now + 5, before.end);
    return this;
  }

  /** Everything said in `play` belongs to one agent span. */
  invoke(play) {
    const { conversation, voice } = this;
    const span = conversation.span('INVOKE_AGENT', `invoke_agent ${voice.agent}`, conversation.now, conversation.now, {
      agent: voice.agent,
    });
    const outer = this.parent;
    this.parent = span.id;
    play(this);
    this.parent = outer;
    stretch(span, conversation.now);
    return this;
  }

  finish(revision = 1) {
    const { conversation } = this;
    Object.assign(conversation, {
      status: 'FINALIZED',
      revision,
      finalizedAt: new Date(conversation.now + 1_800_000).toISOString(),
    });
    return conversation;
  }
}

function stretch(span, endMs) {
  span.endedAt = new Date(endMs).toISOString().replace('Z', '000Z');
  span.durationMs = endMs - Date.parse(span.startedAt);
}
