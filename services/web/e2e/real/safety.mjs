// What people, models and applications write is text, wherever it stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTACK, path } from '../scenes.mjs';
import { onPage } from './setting.mjs';

/** Nothing ran, nothing was made of it that could load or run; and what it says is there to be read. */
async function assertHarmless(page, where) {
  const found = await page.evaluate(() => ({
    ran: window.hacked,
    elements: document.querySelectorAll(
      '#root img:not(.brand img), #root script, iframe, object, embed, [onerror], [onload], a[href^="javascript" i], a[href^="data" i]',
    ).length,
    text: document.body.innerText,
  }));
  assert.equal(found.ran, undefined, where);
  assert.equal(found.elements, 0, where);
  assert.match(found.text, /onerror|window\.hacked/, where);
}

test('hostile text in every field is never run, loaded or followed', async () => {
  await onPage('/', async page => {
    const row = page.locator('.row', { hasText: 'window.hacked' }).first();
    await row.waitFor();
    await assertHarmless(page, 'the list');
    for (const name of ['Project', 'Agent', 'Model', 'Tool', 'User']) {
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByRole('dialog').getByText('onerror').first().waitFor();
      await assertHarmless(page, name);
      await page.keyboard.press('Escape');
    }
    await row.click();
    await page.getByRole('complementary').locator('.message').first().waitFor();
    await assertHarmless(page, 'the drawer');
  });
  await onPage(path(ATTACK), async page => {
    await page.locator('.message').first().waitFor();
    for (const button of await page.getByRole('button', { name: /Reasoning/ }).all()) await button.click();
    for (const button of await page.locator('.tool-summary').all()) await button.click();
    await page.locator('.tool-body').first().waitFor();
    await assertHarmless(page, 'the transcript');
    await page.getByRole('button', { name: 'System prompts' }).click();
    await page.getByRole('dialog').getByText('onerror').first().waitFor();
    await assertHarmless(page, 'the system prompt');
    await page.keyboard.press('Escape');
    for (const button of await page.locator('.message .span-button').all()) {
      await button.scrollIntoViewIfNeeded();
      await button.click();
      await page.getByRole('heading', { name: 'Attributes' }).waitFor();
      await assertHarmless(page, 'a span');
    }
    await page.keyboard.press('Escape');
    await page.getByRole('tab', { name: 'Timeline' }).click();
    await page.locator('.timeline-row').first().waitFor();
    await assertHarmless(page, 'the timeline');
  });
});

test('nothing on the page leads elsewhere without saying so', () =>
  onPage(path(ATTACK), async page => {
    await page.locator('.message').first().waitFor();
    const links = await page
      .locator('a[href]')
      .evaluateAll(all => all.filter(link => link.origin !== location.origin).map(link => [link.protocol, link.rel]));
    for (const [protocol, rel] of links) {
      assert.match(protocol, /^https?:$/);
      assert.match(rel, /noopener/);
      assert.match(rel, /noreferrer/);
    }
  }));
