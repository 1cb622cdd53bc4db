// Every filter narrows, stands in the address, counts, and goes with one click.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness.mjs';
import { onPage } from './setting.mjs';

const count = page => page.locator('.row-link').count();
const rows = (page, wanted) => until(() => count(page), isRight(wanted), `rows: ${wanted}`);
const isRight = wanted => found => (typeof wanted === 'number' ? found === wanted : wanted(found));

test('facets are counted, several may be chosen, and all is cleared with one click', () =>
  onPage('/', async page => {
    await page.locator('.row-link').first().waitFor();
    await page.getByRole('button', { name: 'Agent' }).click();
    const choice = page.getByRole('dialog', { name: 'Filter by agent' });
    await choice.getByRole('checkbox', { name: /^editor/ }).check();
    await page.waitForURL(/agent=editor/);
    await choice.getByRole('checkbox', { name: /^concierge/ }).check();
    await page.waitForURL(/agent=editor&agent=concierge/);
    assert.match(await choice.locator('label', { hasText: 'concierge' }).innerText(), /1$/);
    await page.keyboard.press('Escape');
    await rows(page, 2);
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.waitForURL(url => url.search === '');
    await rows(page, found => found > 2);
  }));

for (const [what, query, wanted] of [
  ['project', 'project=market-notes&agent=editor', 1],
  ['model', 'model=house-model-7b', 1],
  ['tool', 'tool=hold_booking', 1],
  ['user', 'user=customer-5512%40example.net', 1],
  ['environment', 'environment=demo&agent=editor', 1],
  ['another environment', 'environment=nowhere', 0],
  ['status', 'status=finalized', 0],
  ['errors', 'errors=yes&agent=billing', 1],
  ['no errors', 'errors=no&agent=billing', 0],
  ['minimum cost', 'min_cost=1', 0],
  ['words', 'q=lanes+security', 1],
  ['last hour', 'range=1h&agent=triage', 2],
  ['a custom range', 'from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z', 0],
]) {
  test(`a link with a filter shows the same list: ${what}`, () =>
    onPage(`/?${query}`, async page => {
      if (wanted === 0) await page.getByText('No conversation matches').waitFor();
      else await rows(page, wanted);
      await page
        .getByRole('button', { name: /Clear all/ })
        .first()
        .waitFor();
    }));
}

test('time, status, errors and cost are chosen from menus', () =>
  onPage('/', async page => {
    await page.locator('.row-link').first().waitFor();
    await page.getByRole('button', { name: 'Time' }).click();
    await page.getByRole('button', { name: 'Last hour' }).click();
    await page.waitForURL(/range=1h/);
    await page.getByRole('button', { name: 'Last hour' }).click();
    const from = page.getByLabel('From');
    await from.fill('2020-01-01T00:00');
    await page.getByLabel('Until').fill('2020-02-01T00:00');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.waitForURL(/from=2020.*to=2020/);
    await page.getByText('No conversation matches').waitFor();
    await page.goBack();
    await page.waitForURL(/range=1h/);
    await page.getByRole('button', { name: 'Errors' }).click();
    await page.getByRole('radio', { name: 'With errors', exact: true }).click();
    await page.waitForURL(/errors=yes/);
    await page.getByRole('button', { name: 'Status' }).click();
    await page.getByRole('radio', { name: 'Open' }).click();
    await page.waitForURL(/status=open/);
    await page.locator('.row-link').first().waitFor();
    await page.getByRole('button', { name: 'Cost' }).click();
    await page.getByRole('button', { name: '$1.00' }).click();
    await page.waitForURL(/min_cost=1/);
    await page.getByText('No conversation matches').waitFor();
  }));
