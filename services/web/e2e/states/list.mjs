// The states of the list, and of what stands in its place.

/** Longer than it takes to look. */
export const SLOW_MS = 60_000;
const list = { address: '/', see: '.row-link' };

/** Opens a filter's menu; on a phone, the filters first. */
const openFilter = name => async page => {
  const toggle = page.locator('.filter-toggle');
  if (await toggle.isVisible()) await toggle.click();
  await page.locator('.filters').getByRole('button', { name, exact: true }).click();
  await page.getByRole('dialog').waitFor();
};

async function disconnect(page, act) {
  await page.context().setOffline(true);
  act('drop');
  await page.getByText('Reconnecting').waitFor({ state: 'attached' });
}

async function refuse(page) {
  await page.getByLabel('Token').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('refused the last token').waitFor();
}

export const LIST = [
  { ...list, name: 'list' },
  {
    ...list,
    name: 'list-loading',
    see: '.list-skeleton',
    isLive: false,
    stub: { latencyMs: SLOW_MS },
  },
  { name: 'list-first-visit', address: '/', see: '.first-visit', stub: { empty: true } },
  {
    name: 'list-unassigned',
    address: '/',
    see: '.first-visit',
    stub: { empty: true },
    reach: async (page, act) => {
      act('unassigned');
      await page.locator('.unassigned').waitFor();
    },
  },
  { name: 'list-none', address: '/?project=support&agent=concierge&q=zeppelin', see: '.notice' },
  { name: 'list-filtered', address: '/?project=support&project=ops-bot&model=gpt-4.1-mini&range=7d', see: '.row-link' },
  { name: 'list-search', address: '/?q=disk+alarm', see: '.row-link' },
  {
    ...list,
    name: 'list-failed',
    see: '.notice',
    isLive: false,
    stub: { failure: 'the store does not answer' },
  },
  {
    ...list,
    name: 'list-more-failed',
    reach: async (page, act) => {
      act('fail', { message: 'the store does not answer' });
      await page.locator('.list-scroller').evaluate(element => element.scrollTo(0, 8_000));
      await page.locator('.banner').waitFor();
    },
  },
  { ...list, name: 'list-reconnecting', reach: disconnect },
  {
    ...list,
    name: 'list-new',
    reach: async (page, act) => {
      await page.locator('.list-scroller').evaluate(element => element.scrollTo(0, 300));
      act('fresh', { count: 3 });
      await page.locator('.pill').waitFor();
    },
  },
  {
    ...list,
    name: 'list-keyboard',
    reach: async page => {
      for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowDown');
      await page.locator('.row.is-selected').waitFor();
    },
  },
  { ...list, name: 'list-search-focus', reach: page => page.keyboard.press('/') },
  {
    ...list,
    name: 'list-facet',
    reach: async page => {
      await openFilter('Tool')(page);
      await page.locator('.choice').first().waitFor();
    },
  },
  {
    ...list,
    name: 'list-facet-typed',
    address: '/?model=gpt-4.1&model=claude-sonnet-4',
    reach: async page => {
      await openFilter('Model: 2')(page);
      await page.getByRole('searchbox', { name: 'Find model' }).fill('gpt-5');
    },
  },
  {
    ...list,
    name: 'list-range',
    reach: async page => {
      await openFilter('Time')(page);
      await page.getByLabel('From').fill('2026-11-24T08:00');
      await page.getByLabel('Until').fill('2026-11-23T08:00');
    },
  },
  {
    ...list,
    name: 'list-range-custom',
    address: '/?from=2026-01-01T08:00:00.000Z&to=2030-11-24T18:30:00.000Z',
    reach: async page => {
      const toggle = page.locator('.filter-toggle');
      if (await toggle.isVisible()) await toggle.click();
    },
  },
  { ...list, name: 'list-status', reach: openFilter('Status') },
  { ...list, name: 'list-errors', reach: openFilter('Errors') },
  { ...list, name: 'list-cost', reach: openFilter('Cost') },
  { name: 'sign-in', address: '/', see: '.sign-in', isLive: false, stub: { token: 'secret' } },
  { name: 'sign-in-refused', address: '/', see: '.sign-in', isLive: false, stub: { token: 'secret' }, reach: refuse },
  { name: 'nowhere', address: '/nowhere', see: '.notice', isLive: false },
];
