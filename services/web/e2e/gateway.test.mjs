// What has to work on any gateway that has at least one conversation: BASE_URL, or the stub.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axeViolations, launch, openPage, PHONE, WIDE } from './browser.mjs';
import { startStub } from './stub/server.mjs';

const token = process.env.TOKEN ?? null;
let browser;
let stub = null;
let baseUrl = process.env.BASE_URL;

before(async () => {
  if (!baseUrl) {
    stub = await startStub();
    baseUrl = stub.url;
  }
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await stub?.stop();
});

async function onPage(path, options, run) {
  const { page, problems, close } = await openPage(browser, baseUrl, path, { token, ...options });
  try {
    await run(page);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
}

test('the list opens, a row opens the drawer, the drawer opens the page', () =>
  onPage('/', {}, async page => {
    const row = page.locator('.row-link').first();
    await row.waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    const title = await row.textContent();
    await row.click();
    const drawer = page.getByRole('complementary', { name: 'Conversation' });
    await drawer.locator('.message').first().waitFor();
    assert.match(page.url(), /open=/);
    await drawer.getByRole('link', { name: 'Open as a page' }).click();
    await page.locator('main .message').first().waitFor();
    assert.match(page.url(), /\/conversations\//);
    await page.reload();
    await page.locator('main .message').first().waitFor();
    assert.notEqual(title, '');
  }));

test('the timeline shows bars, and a bar its span with attributes', () =>
  onPage('/', {}, async page => {
    await page.locator('.row-link').first().click();
    await page.getByRole('tab', { name: 'Timeline' }).click();
    await page.locator('.timeline-row').first().click();
    const pane = page.getByRole('region', { name: 'Span' });
    await pane.getByRole('heading', { name: 'Attributes' }).waitFor();
    assert.match(page.url(), /span=/);
    await page.keyboard.press('Escape');
    await pane.waitFor({ state: 'detached' });
  }));

test('a filter narrows the list, stands in the address and is cleared with one click', () =>
  onPage('/', {}, async page => {
    await page.locator('.row-link').first().waitFor();
    await page.getByRole('button', { name: 'Project' }).click();
    await page.getByRole('dialog', { name: 'Filter by project' }).getByRole('checkbox').first().check();
    await page.keyboard.press('Escape');
    await page.waitForURL(/project=/);
    await page.locator('.row-link').first().waitFor();
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.waitForURL(url => url.search === '');
  }));

for (const [name, options] of [
  ['wide, light', { viewport: WIDE, colorScheme: 'light' }],
  ['wide, dark', { viewport: WIDE, colorScheme: 'dark' }],
  ['phone, light', { viewport: PHONE, colorScheme: 'light' }],
  ['phone, dark', { viewport: PHONE, colorScheme: 'dark' }],
]) {
  test(`everyone can use it: ${name}`, () =>
    onPage('/', options, async page => {
      await page.locator('.row-link').first().waitFor();
      assert.deepEqual(await axeViolations(page), [], 'the list');
      await page.locator('.row-link').first().click();
      await page.locator('.message').first().waitFor();
      assert.deepEqual(await axeViolations(page), [], 'the transcript');
      await page.getByRole('tab', { name: 'Timeline' }).click();
      await page.locator('.timeline-row').first().click();
      await page.getByRole('heading', { name: 'Attributes' }).waitFor();
      assert.deepEqual(await axeViolations(page), [], 'the timeline and a span');
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, 'nothing sticks out at the side');
    }));
}
