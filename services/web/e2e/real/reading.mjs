// A conversation as a chat.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness.mjs';
import { path, REFUND, RESEARCH, SILENT, TRIP, UNPRICED } from '../scenes.mjs';
import { copied, onPage } from './setting.mjs';

test('a transcript shows what was said, thought and called, by whom and for how much', () =>
  onPage(path(TRIP), async page => {
    const message = page.locator('.message', { hasText: 'Two ways to be there' });
    await message.getByRole('table').waitFor();
    assert.match(await message.locator('.meta').innerText(), /1\.9 s.*→.*tokens.*\$0\.\d+/s);
    assert.equal(await page.locator('.speaker-name').first().innerText(), 'concierge');
    await page.locator('.speaker', { hasText: 'gpt-4.1' }).first().waitFor();
    const thought = page.getByText('Thursday morning needs an early flight');
    assert.equal(await thought.isVisible(), false);
    await page
      .getByRole('button', { name: /Reasoning/ })
      .first()
      .click();
    await thought.waitFor();
    await page
      .getByRole('button', { name: /get_weather/ })
      .first()
      .click();
    await page.locator('.tool-body').getByText('"high_c"').waitFor();
    assert.match(await page.locator('.message time').first().getAttribute('title'), /UTC/);
  }));

test('the head has totals, and by model what was counted and what has no price', () =>
  onPage(path(UNPRICED), async page => {
    await page.getByText('LLM calls').first().waitFor();
    await page.locator('.stat-hint').nth(1).hover();
    const table = page.getByRole('table', { name: /Cost/ });
    await table.getByRole('row', { name: /house-model-7b.*unpriced/ }).waitFor();
    await table.getByRole('row', { name: /gpt-4o-mini.*\$/ }).waitFor();
    await page.getByText('no price is known').waitFor();
    await page.mouse.move(0, 0);
    await page.locator('.stat-hint').first().focus();
    await page
      .getByRole('table', { name: /Tokens/ })
      .getByRole('columnheader', { name: 'of it cached' })
      .waitFor();
  }));

test('sub-agents stand under the call that opened them; answers that were made anew are folded but reachable', () =>
  onPage(path(RESEARCH), async page => {
    const thread = page.locator('.thread-row').first();
    await thread.waitFor();
    assert.match(await thread.innerText(), /researcher/);
    await page.locator('.depth-1 .message').first().waitFor();
    assert.equal(await page.getByText('far too much').count(), 0);
    const fold = page.getByRole('button', { name: /1 earlier answer, regenerated/ });
    await fold.scrollIntoViewIfNeeded();
    await fold.click();
    await page.getByText('far too much').waitFor();
  }));

test('errors stand where they happened, and one gets from one to the next', () =>
  onPage(path(REFUND), async page => {
    await page.locator('.message').first().waitFor();
    await page.getByRole('button', { name: 'Next error' }).click();
    await page.locator('.message.is-target', { hasText: '429: too many requests' }).waitFor();
  }));

test('what was not captured is explained', () =>
  onPage(path(SILENT), async page => {
    await page.getByText(/content of this conversation was not captured/).waitFor();
    await page.getByRole('button', { name: 'How to switch it on' }).click();
    await page.getByText('OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT').waitFor();
    await page.getByText('its content was not captured').first().waitFor();
    assert.match(await page.locator('.meta').first().innerText(), /tokens/);
  }));

test('system prompts and related conversations are shown on demand', () =>
  onPage(path(REFUND), async page => {
    await page.getByRole('button', { name: 'System prompts' }).click();
    const prompts = page.getByRole('dialog', { name: 'System prompts' });
    await prompts.getByText('Never promise money.').waitFor();
    await prompts.getByText('You handle money.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Related' }).click();
    await page.getByText('No other conversation shares a trace').waitFor();
  }));

test('the transcript is copied as Markdown and JSON, a message’s link leads to it and opens what hides it', async () => {
  let link;
  await onPage(path(RESEARCH), async page => {
    await page.locator('.message').first().waitFor();
    const messages = await copied(page);
    assert.equal(messages.filter(message => message.superseded).length, 1);
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await page.getByRole('button', { name: 'Copy the transcript as Markdown' }).click();
    const markdown = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(markdown, /One page on heat pumps/);
    assert.match(markdown, /Tool `fetch_page`/);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /1 earlier answer/ }).click();
    const hidden = page.locator('.message', { hasText: 'far too much' });
    await hidden.hover();
    await hidden.getByRole('button', { name: 'Copy link to this message' }).click();
    link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  });
  await onPage(`${link.pathname}${link.hash}`, async page => {
    const hidden = page.locator('.message', { hasText: 'far too much' });
    await hidden.waitFor();
    await until(
      () => hidden.boundingBox(),
      box => box !== null && box.y > 60 && box.y < 700,
      'the message in view',
    );
  });
});

test('find goes through the whole conversation', () =>
  onPage(path(TRIP), async page => {
    await page.locator('.message').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('only two lanes');
    await page.keyboard.press('Enter');
    await page.getByText('1 of 1', { exact: true }).waitFor();
    await page.locator('.message.is-target', { hasText: 'Security at BER' }).waitFor();
  }));
