// The states of a conversation: in the drawer, on a page of its own, its transcript.
import { path, REFUND, RESEARCH, SILENT, TRIP } from '../scenes.mjs';
import { SLOW_MS } from './list.mjs';

export const MIGRATION = { project: 'ops-bot', id: 'migration-2026-11-billing-invoices-v2-and-the-old-table' };
const PATCHY = { project: 'market-notes', id: '4bf92f3577b34da6a3ce929d0e0e4736' };
const SEARCH_INDEX = { project: 'ops-bot', id: 'search-index' };

export const at = (conversation, rest = '') => ({ address: `${path(conversation)}${rest}`, see: '.message' });
const inDrawer = ({ project, id }, rest = '') => ({
  address: `/?open=${encodeURIComponent(`${project}/${id}`)}${rest}`,
  see: '.message',
});
export const toEnd = page =>
  page.locator('.transcript-scroller').evaluate(async element => {
    // Heights are estimates until drawn.
    for (let step = 0; step < 12; step += 1) {
      element.scrollTo(0, element.scrollHeight);
      await new Promise(resolve => requestAnimationFrame(resolve));
    }
  });
const click = selector => page => page.locator(selector).first().click();
export const openMenu = (name, inside) => async page => {
  await page.getByRole('button', { name, exact: true }).click();
  await page.locator(inside).first().waitFor();
};

export const CONVERSATION = [
  { name: 'drawer', ...inDrawer(TRIP) },
  {
    name: 'drawer-loading',
    address: '/',
    see: '.row-link',
    reach: async (page, act) => {
      act('latency', { ms: SLOW_MS });
      await page.locator('.row-link').first().click();
      await page.locator('.panel-skeleton').waitFor();
    },
  },
  {
    name: 'drawer-span',
    ...inDrawer(TRIP),
    reach: async page => {
      await page.locator('.bubble', { hasText: 'Two ways' }).click();
      await page.getByRole('heading', { name: 'Attributes' }).waitFor();
    },
  },
  { name: 'page', ...at(TRIP) },
  { name: 'page-loading', ...at(TRIP), see: '.panel-skeleton', isLive: false, stub: { latencyMs: SLOW_MS } },
  {
    name: 'page-failed',
    ...at(TRIP),
    see: '.notice',
    isLive: false,
    stub: { failure: 'the store does not answer' },
  },
  { name: 'page-missing', ...at({ project: 'travel-desk', id: 'trip-0' }), see: '.notice', isLive: false },
  { name: 'page-no-messages', ...at(SEARCH_INDEX), see: '.notice' },
  { name: 'research', ...at(RESEARCH) },
  {
    name: 'research-superseded',
    ...at(RESEARCH),
    reach: async page => {
      await toEnd(page);
      await page.locator('.superseded-row').click();
      await page.locator('.is-superseded').waitFor();
    },
  },
  { name: 'reasoning', ...at(RESEARCH), reach: click('.reasoning-button') },
  { name: 'failed-call', ...at(REFUND) },
  { name: 'not-captured', ...at(SILENT) },
  { name: 'not-captured-help', ...at(SILENT), reach: openMenu('How to switch it on', '.capture-help') },
  { name: 'patchy', ...at(PATCHY) },
  { name: 'many-calls', ...at(MIGRATION) },
  {
    name: 'long-result',
    ...at(MIGRATION),
    reach: async page => {
      await page.locator('.tool-summary').first().click();
      await page.locator('.tool-body').waitFor();
    },
  },
  {
    name: 'nested-agents',
    ...at(MIGRATION),
    reach: page => page.locator('.transcript-scroller').evaluate(element => element.scrollTo(0, 620)),
  },
  {
    name: 'summary',
    ...at(MIGRATION),
    reach: async page => {
      const box = page.getByRole('searchbox', { name: 'Find in conversation' });
      await box.fill('so far');
      await box.press('Enter');
      await page.locator('.is-target').waitFor();
    },
  },
  { name: 'cut-context', ...at(MIGRATION), reach: toEnd },
  {
    name: 'live-below',
    ...at(TRIP),
    reach: async (page, act) => {
      act('say', { ...TRIP, turns: 2 });
      await page.locator('.pill').waitFor();
    },
  },
  {
    name: 'conversation-reconnecting',
    ...at(TRIP),
    reach: async (page, act) => {
      await page.context().setOffline(true);
      act('drop');
      await page.getByText('Reconnecting').waitFor({ state: 'attached' });
    },
  },
  {
    name: 'find',
    ...at(RESEARCH),
    reach: async page => {
      const box = page.getByRole('searchbox', { name: 'Find in conversation' });
      await box.fill('noise');
      await page.getByText(/^\d+$/).first().waitFor();
      await box.press('Enter');
      await page.locator('.is-target').waitFor();
    },
  },
  {
    name: 'next-error',
    ...at(RESEARCH),
    reach: async page => {
      await page.getByRole('button', { name: 'Next error' }).click();
      await page.locator('.is-target').waitFor();
    },
  },
  {
    name: 'marathon',
    ...at({ project: 'ops-bot', id: 'marathon-5000' }),
    reach: toEnd,
  },
  { name: 'hostile', ...at({ project: 'support', id: '<img src=x onerror=alert(1)>' }) },
];
