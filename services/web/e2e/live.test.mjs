// What happens on the page while conversations go on, and across broken connections.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, useStub } from './harness.mjs';

const { shared, onPage } = useStub();
const TRIP = { project: 'travel-desk', id: 'trip-7f3a91c2' };
const PAGE = '/conversations/travel-desk/trip-7f3a91c2';

const texts = page => page.locator('.message .bubble').allTextContents();
const firstRows = page =>
  page.locator('.row-link').evaluateAll(links => links.slice(0, 3).map(link => link.textContent));
const scroller = page => page.locator('.transcript-scroller');

async function live(page) {
  await page.getByText('Live', { exact: true }).waitFor();
}

test('a new conversation appears by itself on top', () =>
  onPage('/', async (page, act) => {
    await live(page);
    await page.locator('.row-link').first().waitFor();
    await page.waitForTimeout(300);
    act('fresh');
    await until(
      () => firstRows(page),
      rows => /Fresh question/.test(rows[0]),
      'the new row',
    );
  }));

test('rows under the pointer stay; new ones wait in a pill', () =>
  onPage('/', async (page, act) => {
    await live(page);
    await page.locator('.row').nth(3).hover();
    const before = await firstRows(page);
    act('fresh', { count: 3 });
    await page.getByRole('button', { name: '3 new' }).waitFor();
    assert.deepEqual(await firstRows(page), before);
    await page.getByRole('button', { name: '3 new' }).click();
    await until(
      () => firstRows(page),
      rows => rows.every(row => /Fresh question/.test(row)),
      'the new rows',
    );
  }));

test('a changed row changes in place while the reader has scrolled', () =>
  onPage('/', async (page, act) => {
    await live(page);
    await page.locator('.row-link').first().waitFor();
    await page.locator('.list-scroller').evaluate(element => element.scrollTo(0, 40));
    const before = await firstRows(page);
    act('say', { project: 'support', id: 'ticket-88412' });
    await page.getByText('Live answer', { exact: false }).first().waitFor();
    assert.deepEqual(await firstRows(page), before);
  }));

test('new messages follow only a reader who is at the end; others see how many came', () =>
  onPage(PAGE, async (page, act) => {
    await page.locator('.message').first().waitFor();
    await live(page);
    act('say', { ...TRIP, turns: 2 });
    await page.getByRole('button', { name: '4 new below' }).waitFor();
    assert.equal(await scroller(page).evaluate(element => element.scrollTop), 0);
    await page.getByRole('button', { name: '4 new below' }).click();
    const distance = () =>
      scroller(page).evaluate(element => element.scrollHeight - element.scrollTop - element.clientHeight);
    await until(distance, gap => gap < 4, 'the end');
    act('say', { ...TRIP, turns: 3 });
    await page.getByText('Live answer', { exact: false }).last().waitFor();
    await until(distance, gap => gap < 4, 'the end again');
    assert.equal(await page.getByText('new below').count(), 0);
  }));

test('after broken sockets every message is there once, in order', () =>
  onPage(PAGE, async (page, act) => {
    await page.locator('.message').first().waitFor();
    await live(page);
    for (let round = 0; round < 4; round += 1) {
      act('drop');
      act('say', { ...TRIP });
      await page.getByText('Reconnecting').waitFor();
      act('say', { ...TRIP });
      await live(page);
    }
    const conversation = shared.stub.state.world.find(TRIP.project, TRIP.id);
    const wanted = conversation.messages.map(message => message.id);
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    const copied = async () => {
      await page
        .getByRole('button', { name: /Copy the transcript as JSON|Copied/ })
        .last()
        .click();
      const text = await page.evaluate(() => navigator.clipboard.readText());
      return text.startsWith('{') ? JSON.parse(text).messages.map(message => message.id) : [];
    };
    await until(copied, ids => JSON.stringify(ids) === JSON.stringify(wanted), 'exactly the conversation’s messages');
  }));

test('a message that comes late takes its place', () =>
  onPage('/conversations/support/ticket-88412', async (page, act) => {
    await page.locator('.message').first().waitFor();
    await live(page);
    act('late', { project: 'support', id: 'ticket-88412' });
    await until(
      () => texts(page),
      all => all[1] === 'This answer came late',
      'the late message in second place',
    );
  }));

test('a list missed while offline is caught up with', () =>
  onPage('/', async (page, act) => {
    await live(page);
    await page.locator('.row-link').first().waitFor();
    act('drop');
    act('fresh');
    await until(
      () => firstRows(page),
      rows => /Fresh question/.test(rows[0]),
      'the row that was missed',
    );
  }));

test('fifty changes a second leave the page responsive', () =>
  onPage('/', async (page, act) => {
    await live(page);
    await page.locator('.row-link').first().waitFor();
    act('busy', { per_second: 50, ms: 4_000 });
    const longest = await page.evaluate(
      () =>
        new Promise(resolve => {
          let worst = 0;
          let before = performance.now();
          const begun = before;
          const look = now => {
            worst = Math.max(worst, now - before);
            before = now;
            if (now - begun < 4_000) requestAnimationFrame(look);
            else resolve(worst);
          };
          requestAnimationFrame(look);
        }),
    );
    console.log(`longest frame under 50 changes a second: ${Math.round(longest)} ms`);
    assert.ok(longest < 400, `a frame took ${longest} ms`);
    await page.keyboard.press('ArrowDown');
    await page.locator('.row.is-selected').waitFor();
  }));
