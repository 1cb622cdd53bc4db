import { expect, test } from 'vitest';
import { conversationPath, messageHash, parseRoute, withChange } from './route';

const address = (path: string, search = '', hash = '') => ({ path, search, hash });

test('a conversation’s address names it again, whatever its id holds', () => {
  for (const id of ['plain', 'with/slash', 'ümläut ?&#', '<img src=x>', '100%']) {
    const route = parseRoute(address(conversationPath({ project: 'a b', id })));
    expect(route).toMatchObject({ kind: 'conversation', open: { project: 'a b', id } });
  }
});

test('the list may have a conversation in its drawer', () => {
  const opened = withChange(address('/', '?agent=x', '#m-1'), { open: { project: 'p/q', id: 'i/j' } });
  const url = new URL(opened, 'http://page');
  expect(url.searchParams.get('agent')).toBe('x');
  expect(url.hash).toBe('');
  expect(parseRoute(address(url.pathname, url.search)).open).toEqual({ project: 'p/q', id: 'i/j' });
});

test('another conversation forgets the tab and the span of the last', () => {
  const changed = withChange(address('/', '?open=p%2Fa&span=s&tab=timeline'), { open: { project: 'p', id: 'b' } });
  expect(parseRoute(address('/', new URL(changed, 'http://page').search))).toMatchObject({
    tab: 'transcript',
    span: null,
  });
});

test('tab, span and message are read and changed one by one', () => {
  const route = parseRoute(address('/conversations/p/c', '?tab=timeline&span=t-s', messageHash('m/1')));
  expect(route).toMatchObject({ tab: 'timeline', span: 't-s', message: 'm/1' });
  expect(withChange(address('/x', '?tab=timeline&span=t-s', '#m-1'), { span: null })).toBe('/x?tab=timeline#m-1');
});

test('broken addresses are unknown, not errors', () => {
  expect(parseRoute(address('/conversations/%E0%A4%A/x')).kind).toBe('unknown');
  expect(parseRoute(address('/elsewhere')).kind).toBe('unknown');
  expect(parseRoute(address('/', '?open=%zz')).open).toBeNull();
  expect(parseRoute(address('/', '?open=only-project')).open).toBeNull();
});
