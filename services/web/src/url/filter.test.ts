import { expect, test } from 'vitest';
import { type Filter, formatFilter, isFiltered, NO_FILTER, parseFilter, toConversationFilter } from './filter';

const FULL: Filter = {
  projects: ['support', 'a/b & c'],
  agents: ['triage'],
  models: ['gpt-4.1'],
  tools: ['search'],
  users: ['user-7@example.com'],
  environments: ['production'],
  range: { kind: 'custom', from: '2026-11-01T00:00:00.000Z', to: null },
  status: 'FINALIZED',
  hasErrors: false,
  minCost: 0.25,
  search: 'two words',
};

test('every part of a filter survives the address', () => {
  expect(parseFilter(formatFilter('', FULL))).toEqual(FULL);
  expect(parseFilter(formatFilter('', { ...NO_FILTER, range: { kind: 'preset', preset: '7d' } })).range).toEqual({
    kind: 'preset',
    preset: '7d',
  });
});

test('what is not a filter stays in the address', () => {
  const search = formatFilter('?open=p%2Fc&agent=old', { ...NO_FILTER, agents: ['new'] });
  expect(new URLSearchParams(search).get('open')).toBe('p/c');
  expect(new URLSearchParams(search).getAll('agent')).toEqual(['new']);
});

test('nonsense in the address is no filter', () => {
  const filter = parseFilter('?range=ever&from=yesterday&status=maybe&errors=some&min_cost=-3&agent=&q=');
  expect(filter).toEqual(NO_FILTER);
  expect(isFiltered(filter)).toBe(false);
  expect(isFiltered(FULL)).toBe(true);
});

test('the gateway is asked for what is set, and no more', () => {
  expect(toConversationFilter(NO_FILTER, 0)).toEqual({});
  expect(toConversationFilter(FULL, 0)).toEqual({
    projects: ['support', 'a/b & c'],
    agents: ['triage'],
    models: ['gpt-4.1'],
    tools: ['search'],
    users: ['user-7@example.com'],
    environments: ['production'],
    from: '2026-11-01T00:00:00.000Z',
    status: 'FINALIZED',
    hasErrors: false,
    minCost: 0.25,
    search: 'two words',
  });
});

test('a moving range begins at the present less its length', () => {
  const filter: Filter = { ...NO_FILTER, range: { kind: 'preset', preset: '1h' } };
  expect(toConversationFilter(filter, Date.UTC(2026, 10, 23, 6)).from).toBe('2026-11-23T05:00:00.000Z');
});
