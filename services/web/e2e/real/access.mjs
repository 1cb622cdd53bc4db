// For everyone: both themes, both widths, no violation that axe finds, everything within reach of the keyboard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeViolations, PHONE, WIDE } from '../browser.mjs';
import { until } from '../harness.mjs';
import { path, RESEARCH, SILENT, TRIP } from '../scenes.mjs';
import { onPage } from './setting.mjs';

async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

for (const [name, options] of [
  ['wide, light', { viewport: WIDE, colorScheme: 'light' }],
  ['wide, dark', { viewport: WIDE, colorScheme: 'dark' }],
  ['phone, light', { viewport: PHONE, colorScheme: 'light' }],
  ['phone, dark', { viewport: PHONE, colorScheme: 'dark' }],
]) {
  test(`axe finds nothing: ${name}`, () =>
    onPage(
      '/?agent=editor&agent=concierge',
      async page => {
        await page.locator('.row-link').first().waitFor();
        assert.deepEqual(await axeViolations(page), [], 'the list');
        await page.getByRole('link', { name: /I need to be in Lisbon/ }).click();
        await page.locator('.message').first().waitFor();
        await page.locator('.tool-summary').first().click();
        assert.deepEqual(await axeViolations(page), [], 'the transcript');
        await page.getByRole('tab', { name: 'Timeline' }).click();
        await page.locator('.timeline-row').first().click();
        await page.getByRole('heading', { name: 'Attributes' }).waitFor();
        assert.deepEqual(await axeViolations(page), [], 'the timeline and a span');
        assert.ok((await overflow(page)) <= 0, 'nothing sticks out at the side');
      },
      options,
    ));
}

test('axe finds nothing where threads are nested, menus are open, and content is missing', async () => {
  await onPage(path(RESEARCH), async page => {
    await page.locator('.thread-row').first().waitFor();
    await page.getByRole('button', { name: /1 earlier answer/ }).click();
    await page.getByRole('button', { name: 'System prompts' }).click();
    await page.getByRole('dialog').getByText('one-page briefings').waitFor();
    assert.deepEqual(await axeViolations(page), []);
  });
  await onPage(path(SILENT), async page => {
    await page
      .getByText(/was not captured/)
      .first()
      .waitFor();
    assert.deepEqual(await axeViolations(page), []);
  });
  await onPage('/?q=nothing+like+this', async page => {
    await page.getByText('No conversation matches').waitFor();
    await page.getByRole('button', { name: 'Time' }).click();
    assert.deepEqual(await axeViolations(page), []);
  });
});

test('the keyboard reaches everything in a conversation', () =>
  onPage(path(TRIP), async page => {
    await page.locator('.message').first().waitFor();
    const seen = new Set();
    for (let step = 0; step < 60; step += 1) {
      await page.keyboard.press('Tab');
      seen.add(
        await page.evaluate(() => {
          const element = document.activeElement;
          // The ring may be that of the box around an input, or drawn around a whole row.
          const hasRing = [element, element.parentElement].some(each =>
            [null, '::after'].some(part => {
              const style = getComputedStyle(each, part);
              return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
            }),
          );
          if (element !== document.body && !hasRing) return `no focus ring: ${element.outerHTML.slice(0, 120)}`;
          return element?.getAttribute('aria-label') ?? element?.textContent?.trim().slice(0, 40);
        }),
      );
    }
    const names = [...seen];
    assert.deepEqual(
      names.filter(name => name?.startsWith('no focus ring')),
      [],
    );
    for (const wanted of ['Transcript', 'System prompts', 'Copy', 'Find in conversation', 'Details of this message']) {
      assert.ok(names.includes(wanted), `${wanted} among ${names.join(' | ')}`);
    }
  }));

test('the theme is the system’s until the reader chooses', () =>
  onPage(
    '/',
    async page => {
      const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
      assert.equal(await theme(), 'dark');
      await page.getByRole('button', { name: 'Light colours' }).click();
      assert.equal(await theme(), 'light');
      await page.reload();
      await page.getByRole('button', { name: 'Dark colours' }).waitFor();
      assert.equal(await theme(), 'light');
      await page.getByRole('button', { name: 'Dark colours' }).click();
      await page.emulateMedia({ colorScheme: 'light' });
      await until(theme, value => value === 'light', 'the system’s theme');
    },
    { colorScheme: 'dark', viewport: PHONE },
  ));
