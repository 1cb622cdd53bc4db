import { type Client, createClient } from 'graphql-ws';
import { authorization } from './session';

/** A silent socket is pinged this often; half-open connections show within two of these. */
const KEEP_ALIVE_MS = 12_000;
/** Navigation closes one subscription and opens the next; the socket survives that. */
const LAZY_CLOSE_MS = 3_000;

function socketUrl(): string {
  const url = new URL('/graphql', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

let client: Client | null = null;

/**
 * The one socket that all subscriptions share. It does not retry by itself: a subscription that begins again has to
 * say where it stopped, which only its owner (live.ts) knows.
 */
export function socketClient(): Client {
  client ??= createClient({
    url: socketUrl(),
    lazy: true,
    lazyCloseTimeout: LAZY_CLOSE_MS,
    keepAlive: KEEP_ALIVE_MS,
    retryAttempts: 0,
    connectionParams: () => {
      const token = authorization();
      return token === null ? {} : { Authorization: token };
    },
    on: {
      ping: received => {
        if (!received) expectPong();
      },
      pong: received => {
        if (received) clearTimeout(pongTimer);
      },
      closed: () => clearTimeout(pongTimer),
    },
  });
  return client;
}

let pongTimer: ReturnType<typeof setTimeout>;

function expectPong(): void {
  clearTimeout(pongTimer);
  pongTimer = setTimeout(() => client?.terminate(), KEEP_ALIVE_MS);
}

/** Closes the socket, so that the next subscription says anew who it is. */
export function resetSocket(): void {
  void client?.dispose();
  client = null;
}
