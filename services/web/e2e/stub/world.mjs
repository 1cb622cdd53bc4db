// All conversations of the stub, and the stream of their changes.
import { rarities } from './rarities.mjs';
import { scenarios } from './scenarios.mjs';

export class World {
  constructor({ empty = false } = {}) {
    this.watchers = new Set();
    this.unassigned = [];
    this.conversations = new Map();
    if (!empty) for (const conversation of [...scenarios(Date.now()), ...rarities(Date.now())]) this.add(conversation);
  }

  key({ project, id }) {
    return `${project}\u0000${id}`;
  }

  add(conversation) {
    this.conversations.set(this.key(conversation), conversation);
  }

  find(project, id) {
    return this.conversations.get(this.key({ project, id })) ?? null;
  }

  matching(filter) {
    const rows = [...this.conversations.values()].filter(found => matches(found, filter ?? {}));
    const at = new Map(rows.map(row => [row, lastActivity(row)]));
    return rows.sort((a, b) => at.get(b).localeCompare(at.get(a)));
  }

  /** Tells every watcher of the list. */
  announce(kind, conversation) {
    for (const watcher of this.watchers) watcher(kind, conversation);
  }

  async *rows(filter, present) {
    const queue = [];
    let wake = () => {};
    const watcher = (kind, found) => {
      if (matches(found, filter ?? {})) queue.push({ kind, conversation: present(found) });
      wake();
    };
    this.watchers.add(watcher);
    try {
      while (true) {
        while (queue.length > 0) yield { conversations: queue.shift() };
        await new Promise(resolve => {
          wake = resolve;
        });
      }
    } finally {
      this.watchers.delete(watcher);
    }
  }
}

function lastActivity(found) {
  return [found.messages.at(-1)?.timestamp ?? '', found.spans.at(-1)?.endedAt ?? ''].sort().at(-1);
}

function matches(found, filter) {
  const head = found.cachedHead?.log === found.log.length ? found.cachedHead.head : found.head();
  found.cachedHead = { log: found.log.length, head };
  const any = (wanted, present) => !wanted?.length || wanted.some(value => present.includes(value));
  const { user } = head;
  return (
    any(filter.projects, [head.project]) &&
    any(filter.agents, head.agents) &&
    any(filter.models, head.models) &&
    any(filter.tools, head.tools) &&
    any(filter.environments, [head.environment]) &&
    any(filter.users, [user?.id, user?.email, user?.name]) &&
    (!filter.status || head.status === filter.status) &&
    (filter.hasErrors == null || head.errors > 0 === filter.hasErrors) &&
    (filter.minCost == null || head.cost.total >= filter.minCost) &&
    (!filter.from || Date.parse(head.lastActivityAt) >= Date.parse(filter.from)) &&
    (!filter.to || Date.parse(head.startedAt) < Date.parse(filter.to)) &&
    words(filter.search).every(word => found.messages.some(message => message.text?.toLowerCase().includes(word)))
  );
}

const words = search => (search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
