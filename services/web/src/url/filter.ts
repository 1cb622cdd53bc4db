import type { ConversationFilter, ConversationStatus } from '../api/generated';

export const PRESETS = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000 } as const;
export type Preset = keyof typeof PRESETS;

/** When a conversation was active: a span that moves with the clock, or fixed ends (ISO, either may be missing). */
export type Range =
  | { readonly kind: 'any' }
  | { readonly kind: 'preset'; readonly preset: Preset }
  | { readonly kind: 'custom'; readonly from: string | null; readonly to: string | null };

/** What the list is narrowed to. Everything in it stands in the address, so that a link shows the same list. */
export interface Filter {
  readonly projects: readonly string[];
  readonly agents: readonly string[];
  readonly models: readonly string[];
  readonly tools: readonly string[];
  readonly users: readonly string[];
  readonly environments: readonly string[];
  readonly range: Range;
  readonly status: ConversationStatus | null;
  readonly hasErrors: boolean | null;
  readonly minCost: number | null;
  readonly search: string;
}

export const NO_FILTER: Filter = {
  projects: [],
  agents: [],
  models: [],
  tools: [],
  users: [],
  environments: [],
  range: { kind: 'any' },
  status: null,
  hasErrors: null,
  minCost: null,
  search: '',
};

/** The fields of which any number of values may be chosen, with their name in the address. */
export const LISTS = {
  projects: 'project',
  agents: 'agent',
  models: 'model',
  tools: 'tool',
  users: 'user',
  environments: 'environment',
} as const;
export type ListField = keyof typeof LISTS;
export const LIST_FIELDS = Object.keys(LISTS) as ListField[];

const OTHERS = ['range', 'from', 'to', 'status', 'errors', 'min_cost', 'q'] as const;

export function parseFilter(search: string): Filter {
  const parameters = new URLSearchParams(search);
  const list = (field: ListField) => [...new Set(parameters.getAll(LISTS[field]).filter(value => value !== ''))];
  const cost = Number(parameters.get('min_cost') ?? Number.NaN);
  const errors = parameters.get('errors');
  const status = parameters.get('status');
  return {
    projects: list('projects'),
    agents: list('agents'),
    models: list('models'),
    tools: list('tools'),
    users: list('users'),
    environments: list('environments'),
    range: parseRange(parameters),
    status: status === 'open' ? 'OPEN' : status === 'finalized' ? 'FINALIZED' : null,
    hasErrors: errors === 'yes' ? true : errors === 'no' ? false : null,
    minCost: Number.isFinite(cost) && cost > 0 ? cost : null,
    search: parameters.get('q') ?? '',
  };
}

function parseRange(parameters: URLSearchParams): Range {
  const preset = parameters.get('range');
  if (preset !== null && preset in PRESETS) return { kind: 'preset', preset: preset as Preset };
  const from = parseTime(parameters.get('from'));
  const to = parseTime(parameters.get('to'));
  return from === null && to === null ? { kind: 'any' } : { kind: 'custom', from, to };
}

function parseTime(text: string | null): string | null {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

/** The address with this filter; what else stands in `search` (the open conversation) stays. */
export function formatFilter(search: string, filter: Filter): string {
  const parameters = new URLSearchParams(search);
  for (const name of [...Object.values(LISTS), ...OTHERS]) parameters.delete(name);
  for (const field of LIST_FIELDS) for (const value of filter[field]) parameters.append(LISTS[field], value);
  const { range } = filter;
  if (range.kind === 'preset') parameters.set('range', range.preset);
  if (range.kind === 'custom' && range.from !== null) parameters.set('from', range.from);
  if (range.kind === 'custom' && range.to !== null) parameters.set('to', range.to);
  if (filter.status !== null) parameters.set('status', filter.status.toLowerCase());
  if (filter.hasErrors !== null) parameters.set('errors', filter.hasErrors ? 'yes' : 'no');
  if (filter.minCost !== null) parameters.set('min_cost', String(filter.minCost));
  if (filter.search !== '') parameters.set('q', filter.search);
  return parameters.toString();
}

/** As the gateway takes it. `nowMs` fixes where a moving range begins for one listing. */
export function toConversationFilter(filter: Filter, nowMs: number): ConversationFilter {
  const input: ConversationFilter = {};
  for (const field of LIST_FIELDS) if (filter[field].length > 0) input[field] = [...filter[field]];
  const { range } = filter;
  if (range.kind === 'preset') input.from = new Date(nowMs - PRESETS[range.preset]).toISOString();
  if (range.kind === 'custom' && range.from !== null) input.from = range.from;
  if (range.kind === 'custom' && range.to !== null) input.to = range.to;
  if (filter.status !== null) input.status = filter.status;
  if (filter.hasErrors !== null) input.hasErrors = filter.hasErrors;
  if (filter.minCost !== null) input.minCost = filter.minCost;
  const search = filter.search.trim();
  if (search !== '') input.search = search;
  return input;
}

export function isFiltered(filter: Filter): boolean {
  return formatFilter('', filter) !== '';
}
