/** What the gateway tells the page about its surroundings. */
export interface Settings {
  /** Where a trace can be looked at, with `{traceId}` and `{spanId}` in it; null when no such tool is configured. */
  readonly traceUrlTemplate: string | null;
  /** Where an error event can be looked at, with `{eventId}` in it; null when no such tool is configured. */
  readonly errorUrlTemplate: string | null;
  readonly authRequired: boolean;
  /** An editor for queries, on gateways that have one. */
  readonly graphiqlUrl: string | null;
}

export const DEFAULTS: Settings = {
  traceUrlTemplate: null,
  errorUrlTemplate: null,
  authRequired: false,
  graphiqlUrl: null,
};

/** Never fails: a gateway without this file is one without special settings. */
export async function loadSettings(): Promise<Settings> {
  try {
    const response = await fetch('/config.json', { credentials: 'same-origin' });
    const body: unknown = response.ok ? await response.json() : null;
    return parseSettings(body);
  } catch {
    return DEFAULTS;
  }
}

export function parseSettings(body: unknown): Settings {
  if (typeof body !== 'object' || body === null) return DEFAULTS;
  const { traceUrlTemplate, errorUrlTemplate, authRequired, graphiqlUrl } = body as Record<string, unknown>;
  return {
    traceUrlTemplate: typeof traceUrlTemplate === 'string' ? traceUrlTemplate : null,
    errorUrlTemplate: typeof errorUrlTemplate === 'string' ? errorUrlTemplate : null,
    authRequired: authRequired === true,
    // A path of the gateway's own, never an address elsewhere.
    graphiqlUrl: typeof graphiqlUrl === 'string' && /^\/\w/.test(graphiqlUrl) ? graphiqlUrl : null,
  };
}

/** The address of a span in the user's tracing tool, or null. Only web addresses are let through. */
export function traceUrl(template: string | null, traceId: string, spanId: string | null): string | null {
  if (template === null) return null;
  const filled = template
    .replaceAll('{traceId}', encodeURIComponent(traceId))
    .replaceAll('{spanId}', encodeURIComponent(spanId ?? ''));
  return webAddress(filled);
}

/** The address of an error event in the user's tool for errors, or null. */
export function errorUrl(template: string | null, eventId: string | null): string | null {
  if (template === null || eventId === null) return null;
  return webAddress(template.replaceAll('{eventId}', encodeURIComponent(eventId)));
}

function webAddress(filled: string): string | null {
  try {
    const url = new URL(filled);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}
