// What real SDKs sent: every one of these conversations is shown, in both views.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness.mjs';
import { onPage, stage } from './setting.mjs';

/** Set-ups that give a conversation id and capture what was said. */
const RECORDINGS = 17;

test('the conversations of all recorded SDKs are shown', async () => {
  await stage.playRecordings();
  await stage.settle();
  await onPage('/?q=paris', async page => {
    const links = await until(
      () => page.locator('.row-link').evaluateAll(all => all.map(link => link.getAttribute('href'))),
      all => all.length >= RECORDINGS,
      'the recordings',
    );
    for (const link of links) {
      await page.evaluate(address => {
        window.history.pushState(null, '', address);
        window.dispatchEvent(new PopStateEvent('popstate'));
      }, link);
      await page.locator('.message').first().waitFor();
      assert.ok((await page.locator('.tool-call').count()) > 0, `a tool call in ${link}`);
      await page.getByRole('tab', { name: 'Timeline' }).click();
      await page.locator('.timeline-row').first().click();
      await page.getByRole('heading', { name: 'Attributes' }).waitFor();
    }
  });
});

test('spans that report again what another reports are told apart', () =>
  onPage('/?q=paris', async page => {
    await page.locator('.row', { has: page.locator('[title$="f_vercel_ai6_proto"]') }).click();
    await page.locator('.message').first().waitFor();
    await page.locator('.stat-hint').first().focus();
    await page.getByText('Not counted again').waitFor();
    await page.getByRole('tab', { name: 'Timeline' }).click();
    await page.locator('.timeline-row').first().click();
    await page.getByText('not counted: repeats what another span reports').waitFor();
  }));
