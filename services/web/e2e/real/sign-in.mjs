// A gateway that asks for a token.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeViolations } from '../browser.mjs';
import { path, TRIP } from '../scenes.mjs';
import { live, onPage, stage } from './setting.mjs';

test('a token is asked for, a wrong one refused, the right one opens the list until it is given back', async () => {
  await onPage(
    '/',
    async page => {
      await page.getByRole('heading', { name: 'Sign in to Colloquy' }).waitFor();
      assert.deepEqual(await axeViolations(page), []);
      await page.getByLabel('Token').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('refused the last token').waitFor();
      await page.getByLabel('Token').fill(stage.token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await live(page);
      await page.getByRole('link', { name: /I need to be in Lisbon/ }).waitFor();
      await page.reload();
      await live(page);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in to Colloquy' }).waitFor();
    },
    { url: stage.guardedUrl },
  );
});

test('a link to a conversation leads there after the sign-in', () =>
  onPage(
    path(TRIP),
    async page => {
      await page.getByLabel('Token').fill(stage.token);
      await page.keyboard.press('Enter');
      await page.locator('.message').first().waitFor();
      assert.match(page.url(), /trip-7f3a91c2$/);
    },
    { url: stage.guardedUrl },
  ));
