// The contract over the stub's world. Cursors are plain numbers here; the page must not look into them anyway.
import { GraphQLError } from 'graphql';

const ROWS_MAX = 200;
const PAGE_MAX = 1_000;
const failure = (code, message) => new GraphQLError(message, { extensions: { code } });

export function resolvers(world) {
  return {
    conversations: args => listPage(world, args),
    conversation: ({ project, id }) => {
      const found = world.find(project, id);
      return found ? conversation(world, found) : null;
    },
    facets: ({ filter }) => facets(world.matching(filter)),
    unassignedSpans: () => world.unassigned,
  };
}

function listPage(world, { first, after, filter }) {
  const rows = world.matching(filter);
  const start = after ? rows.findIndex(row => `row-${world.key(row)}` === after) + 1 : 0;
  const page = rows.slice(start, start + Math.min(first, ROWS_MAX)).map(row => conversation(world, row));
  return {
    nodes: page,
    edges: page.map(node => ({ cursor: `row-${world.key(node)}`, node })),
    pageInfo: {
      hasNextPage: start + page.length < rows.length,
      hasPreviousPage: start > 0,
      startCursor: page[0] ? `row-${world.key(page[0])}` : null,
      endCursor: page.at(-1) ? `row-${world.key(page.at(-1))}` : null,
    },
    lookedBackTo: page.at(-1)?.lastActivityAt ?? null,
  };
}

export function conversation(world, found) {
  return {
    ...found.head(),
    messages: args => page(found.messages, args, 'm', { liveCursor: `live-${found.log.length}` }),
    spans: args => page(found.spans, args, 's'),
    span: ({ id }) => found.spans.find(span => span.id === id) ?? null,
    related: () =>
      found.relatedKeys
        .map(key => world.conversations.get(key))
        .filter(Boolean)
        .map(each => conversation(world, each)),
  };
}

function page(all, { first, after }, kind, rest = {}) {
  if (first < 1 || first > PAGE_MAX) throw failure('BAD_USER_INPUT', `first has to be in 1..${PAGE_MAX}`);
  if (after && !after.startsWith(`${kind}-`)) throw failure('CURSOR_INVALID', '`after` is not a cursor of this list');
  const start = after ? Number(after.slice(2)) + 1 : 0;
  const nodes = all.slice(start, start + first);
  return {
    nodes,
    edges: nodes.map((node, index) => ({ cursor: `${kind}-${start + index}`, node })),
    pageInfo: {
      hasNextPage: start + nodes.length < all.length,
      hasPreviousPage: start > 0,
      startCursor: nodes.length ? `${kind}-${start}` : null,
      endCursor: nodes.length ? `${kind}-${start + nodes.length - 1}` : null,
    },
    ...rest,
  };
}

const FACETS = {
  agents: row => row.agents,
  models: row => row.models,
  tools: row => row.tools,
  projects: row => [row.project],
  environments: row => [row.environment],
  users: row => [row.user?.email ?? row.user?.id],
};

function facets(rows) {
  const counts = Object.fromEntries(
    Object.entries(FACETS).map(([name, read]) => {
      const found = new Map();
      for (const row of rows)
        for (const value of read(row.head()).filter(Boolean)) found.set(value, (found.get(value) ?? 0) + 1);
      return [
        name,
        [...found]
          .map(([value, conversations]) => ({ value, conversations }))
          .sort((a, b) => b.conversations - a.conversations),
      ];
    }),
  );
  return { ...counts, counted: rows.length, complete: true };
}

export function subscriptions(world) {
  return {
    messages: ({ project, conversation: id, after }) => {
      const found = world.find(project, id);
      if (!found) throw failure('CONVERSATION_GONE', 'no such conversation');
      if (after && !/^live-\d+$/.test(after)) throw failure('CURSOR_INVALID', 'not a live cursor');
      return follow(world, found, after ? Number(after.slice(5)) : 0);
    },
    conversations: ({ filter }) => world.rows(filter, found => conversation(world, found)),
  };
}

async function* follow(world, found, start) {
  let next = start;
  let wake = () => {};
  const listener = () => wake();
  found.listeners.add(listener);
  try {
    while (true) {
      while (next < found.log.length) {
        const event = found.log[next++];
        yield { messages: { ...event, conversation: conversation(world, found) } };
      }
      await new Promise(resolve => {
        wake = resolve;
      });
    }
  } finally {
    found.listeners.delete(listener);
  }
}
