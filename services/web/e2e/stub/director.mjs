// Makes things happen in the stub's world on request: messages arrive, rows change, sockets break.
import { iso, StubConversation } from './conversation.mjs';
import { Script } from './script.mjs';

export class Director {
  constructor(state) {
    this.state = state;
    this.timers = new Set();
    this.created = 0;
  }

  act(name, parameters) {
    const actions = {
      say: () => this.say(parameters.get('project'), parameters.get('id'), Number(parameters.get('turns') ?? 1)),
      late: () => this.late(parameters.get('project'), parameters.get('id')),
      fresh: () => this.fresh(Number(parameters.get('count') ?? 1)),
      busy: () => this.busy(Number(parameters.get('per_second') ?? 50), Number(parameters.get('ms') ?? 5_000)),
      drop: () => this.state.dropSockets(),
      token: () => {
        this.state.token = parameters.get('value');
        this.state.dropSockets();
      },
      unassigned: () => this.unassigned(),
      latency: () => {
        this.state.latencyMs = Number(parameters.get('ms') ?? 0);
      },
      fail: () => {
        this.state.failure = parameters.get('message');
      },
    };
    if (!actions[name]) throw new Error(`the stub cannot ${name}`);
    actions[name]();
  }

  /** Spans arrive, but none of them names a conversation. */
  unassigned() {
    this.state.world.unassigned = [
      {
        project: 'support',
        instrumentation: 'otel/opentelemetry.instrumentation.openai_v2',
        spans: 42,
        llmCalls: 17,
        lastSeenAt: iso(Date.now()),
        exampleTraceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      },
    ];
  }

  /** New turns at the end of a conversation. */
  say(project, id, turns) {
    const conversation = this.state.world.find(project, id);
    conversation.now = Math.max(conversation.now, Date.now());
    const script = new Script(conversation);
    for (let turn = 0; turn < turns; turn += 1) {
      const number = conversation.messages.length;
      script.user(`Live question ${number}`);
      script.assistant(`Live answer ${number}`, { ms: 40 });
    }
    this.state.world.announce('UPDATED', conversation);
  }

  /** A message that belongs further up, as a late span brings it. */
  late(project, id) {
    const { world } = this.state;
    const conversation = world.find(project, id);
    const [message] = [
      conversation.message('ASSISTANT', 'This answer came late', {
        timestamp: conversation.messages[1].timestamp,
        agent: 'concierge',
      }),
    ];
    conversation.messages = conversation.messages.filter(other => other !== message);
    conversation.messages.splice(1, 0, message);
    world.announce('UPDATED', conversation);
  }

  fresh(count) {
    for (let index = 0; index < count; index += 1) {
      this.created += 1;
      const conversation = new StubConversation({
        project: 'support',
        id: `fresh-${this.created}`,
        startedAt: Date.now(),
      });
      const script = new Script(conversation, { agent: 'triage' });
      script.user(`Fresh question ${this.created}`);
      script.assistant(`Fresh answer ${this.created}`, { ms: 5 });
      this.state.world.add(conversation);
      this.state.world.announce('ADDED', conversation);
    }
  }

  /** Rows change many times a second for a while. */
  busy(perSecond, ms) {
    const rows = [...this.state.world.conversations.values()].slice(0, 40);
    const until = Date.now() + ms;
    let turn = 0;
    const timer = setInterval(() => {
      const conversation = rows[turn++ % rows.length];
      conversation.now = Date.now();
      new Script(conversation).assistant(`Busy ${turn}`, { ms: 1 });
      this.state.world.announce('UPDATED', conversation);
      if (Date.now() > until) this.cancel(timer);
    }, 1_000 / perSecond);
    this.timers.add(timer);
  }

  cancel(timer) {
    clearInterval(timer);
    this.timers.delete(timer);
  }

  stop() {
    for (const timer of this.timers) this.cancel(timer);
  }
}
