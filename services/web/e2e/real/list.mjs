// The list: what a row says, how one gets through it, and how it stays still while it changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness.mjs';
import { BULK, REFUND, TRIP, UNPRICED } from '../scenes.mjs';
import { answer, ask } from '../stage.mjs';
import { firstRows, live, onPage, stage } from './setting.mjs';

const row = (page, id) => page.locator('.row', { has: page.locator(`[title="${id}"]`) });

test('a row says who, what, how much and when', () =>
  onPage('/', async page => {
    const trip = row(page, TRIP.id);
    await trip.waitFor();
    const text = await trip.innerText();
    for (const part of [
      /I need to be in Lisbon/,
      /Security at BER/,
      /traveller-204@example\.com/,
      /travel-desk/,
      /get_weather/,
      /\$0\.\d+/,
    ]) {
      assert.match(text, part);
    }
    assert.equal(await trip.locator('[data-label="Errors"]').innerText(), '1');
    assert.match(await trip.locator('[data-label="Tools"]').innerText(), /^5\b/);
    assert.match(await trip.locator('[data-label="LLM calls"]').innerText(), /^8/);
    const exact = await trip.locator('time').getAttribute('title');
    assert.match(exact, /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d.*UTC/);
    assert.equal(await trip.locator('.dot').getAttribute('title'), 'Open');
    assert.match(await row(page, UNPRICED.id).locator('[data-label="Cost"]').innerText(), /\+$/);
  }));

test('a row opens the drawer, the drawer a page of its own with a stable address', () =>
  onPage('/', async page => {
    await row(page, TRIP.id).click();
    const drawer = page.getByRole('complementary', { name: 'Conversation' });
    await drawer.locator('.message').first().waitFor();
    await drawer.getByRole('link', { name: 'Open as a page' }).click();
    await page.locator('main .message').first().waitFor();
    assert.match(page.url(), /\/conversations\/travel-desk\/trip-7f3a91c2$/);
    await page.reload();
    await page.locator('main .message').first().waitFor();
    await page.goBack();
    await drawer.locator('.message').first().waitFor();
  }));

test('the list is used by keyboard alone', () =>
  onPage('/', async page => {
    await row(page, TRIP.id).waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.closest('.row-link')?.textContent ?? '');
    for (let step = 0; step < 30 && !/charged twice/.test(await focused()); step += 1) {
      await page.keyboard.press('ArrowDown');
    }
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    const chosen = await focused();
    assert.match(chosen, /charged twice/);
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Conversation' }).locator('.message').first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary').waitFor({ state: 'detached' });
    assert.equal(await focused(), chosen);
    await page.keyboard.press('/');
    await page.keyboard.type('charged twice');
    await page.waitForURL(/q=charged\+twice/);
    await until(
      () => page.locator('.row-link').count(),
      count => count === 1,
      'one match',
    );
    await page.keyboard.press('Escape');
    await page.waitForURL(url => !url.search.includes('q='));
  }));

test('scrolling goes through all pages', () =>
  onPage('/', async page => {
    await page.locator('.row-link').first().waitFor();
    const foot = async () => {
      await page.locator('.list-scroller').evaluate(element => element.scrollTo(0, element.scrollHeight));
      return page.locator('.list-foot').innerText();
    };
    // The scenes, the first visit's and what is sent in bulk.
    await until(foot, text => text.includes(`${BULK + 7} conversations`), 'all rows');
  }));

test('a new conversation appears on top; under the pointer and for who has scrolled it waits in a pill', () =>
  onPage('/', async page => {
    await live(page);
    await page.locator('.row-link').first().waitFor();
    await stage.say({ project: 'support', id: 'fresh-1' }, ask('Fresh question 1'), answer('Fresh answer 1'));
    await until(
      () => firstRows(page),
      rows => rows[0] === 'Fresh question 1',
      'the new row',
    );
    await page.locator('.row').nth(3).hover();
    const before = await firstRows(page);
    await stage.say({ project: 'support', id: 'fresh-2' }, ask('Fresh question 2'), answer('Fresh answer 2'));
    await page.getByRole('button', { name: '1 new' }).waitFor();
    assert.deepEqual(await firstRows(page), before);
    await page.getByRole('button', { name: '1 new' }).click();
    await until(
      () => firstRows(page),
      rows => rows[0] === 'Fresh question 2',
      'the new row',
    );
  }));

test('a changed row changes where it stands', () =>
  onPage('/', async page => {
    await live(page);
    await row(page, REFUND.id).hover();
    const before = await firstRows(page);
    await stage.say({ ...REFUND, ago_ms: 0 }, ask('One more thing.'), answer('Gladly: what is it?'));
    await row(page, REFUND.id).getByText('Gladly: what is it?').waitFor();
    assert.deepEqual(await firstRows(page), before);
  }));

test('what happened while the gateway was away is there when it is back', () =>
  onPage('/', async page => {
    await live(page);
    await page.locator('.row-link').first().waitFor();
    await stage.killGateway();
    await page.getByText('Reconnecting').waitFor();
    await stage.say({ project: 'support', id: 'fresh-3' }, ask('Asked in the dark'), answer('Answered in the dark'));
    await stage.startGateway();
    await live(page);
    await until(
      () => firstRows(page),
      rows => rows[0] === 'Asked in the dark',
      'the row that was missed',
    );
  }));
