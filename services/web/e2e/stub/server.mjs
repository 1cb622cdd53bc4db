// A small gateway for developing and testing the page without Kafka and Redis: the contract over scripted data, plus
// /stub/* by which a test makes things happen. `node e2e/stub/server.mjs [port]`.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { graphql, parse, subscribe } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { loadSchema } from '../../scripts/schema.mjs';
import { Director } from './director.mjs';
import { resolvers, subscriptions } from './resolvers.mjs';
import { World } from './world.mjs';

const DIST = fileURLToPath(new URL('../../dist/page', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
// What the gateway sends with the page; a page that needs more than this is wrong.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export async function startStub({ port = 0, empty = false, token = null, latencyMs = 0, failure = null } = {}) {
  const schema = loadSchema();
  const state = { world: new World({ empty }), token, latencyMs, failure };
  state.director = new Director(state);
  const server = createServer((request, response) => {
    answer(schema, state, request, response).catch(error => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  const sockets = new WebSocketServer({ server, path: '/graphql' });
  useServer(
    {
      schema,
      onConnect: ({ connectionParams }) =>
        state.token === null || connectionParams?.Authorization === `Bearer ${state.token}`,
      subscribe: args => subscribe({ ...args, rootValue: subscriptions(state.world) }),
    },
    sockets,
  );
  state.dropSockets = () => {
    for (const socket of sockets.clients) socket.terminate();
  };
  await new Promise(resolve => server.listen(port, '127.0.0.1', resolve));
  const stop = () => {
    state.director.stop();
    state.dropSockets();
    server.closeAllConnections();
    return new Promise(resolve => server.close(resolve));
  };
  const act = (name, parameters = {}) => state.director.act(name, new URLSearchParams(parameters));
  return { url: `http://127.0.0.1:${server.address().port}`, state, act, stop };
}

async function answer(schema, state, request, response) {
  const url = new URL(request.url, 'http://stub');
  if (url.pathname === '/graphql') return answerGraphql(schema, state, request, response);
  if (url.pathname === '/config.json') {
    return json(response, 200, {
      traceUrlTemplate: 'https://traces.example.com/trace/{traceId}?span={spanId}',
      errorUrlTemplate: 'https://errors.example.com/?query={eventId}',
      authRequired: state.token !== null,
    });
  }
  if (url.pathname.startsWith('/stub/')) {
    state.director.act(url.pathname.slice(6), url.searchParams);
    return json(response, 200, {});
  }
  return serveFile(url.pathname, response);
}

async function answerGraphql(schema, state, request, response) {
  if (state.token !== null && request.headers.authorization !== `Bearer ${state.token}`) {
    return json(response, 401, { errors: [{ message: 'a token is needed', extensions: { code: 'UNAUTHENTICATED' } }] });
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { query, variables } = JSON.parse(Buffer.concat(chunks).toString());
  parse(query);
  if (state.latencyMs > 0) await sleep(state.latencyMs, null, { ref: false });
  if (state.failure !== null) {
    return json(response, 200, { errors: [{ message: state.failure, extensions: { code: 'UNAVAILABLE' } }] });
  }
  const result = await graphql({ schema, source: query, variableValues: variables, rootValue: resolvers(state.world) });
  return json(response, 200, result);
}

async function serveFile(path, response) {
  const wanted = extname(path) === '' ? '/index.html' : normalize(path);
  try {
    const body = await readFile(join(DIST, wanted));
    response.writeHead(200, {
      'content-type': TYPES[extname(wanted)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
    });
    response.end(body);
  } catch {
    response.writeHead(404).end('not found');
  }
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startStub({ port: Number(process.argv[2] ?? 8080), empty: process.argv.includes('--empty') });
  console.log(`stub gateway on ${url}`);
}
