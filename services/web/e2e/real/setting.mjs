// The stage and the browser that all files here share.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { launch, openPage } from '../browser.mjs';
import { startStage } from '../stage.mjs';

let browser;
export let stage;

before(async () => {
  [browser, stage] = await Promise.all([launch(), startStage()]);
});

after(async () => {
  await browser?.close();
  await stage?.stop();
});

/** Runs on a page of its own, and fails on anything that must never happen there. */
export async function onPage(path, run, { url = stage.url, ...options } = {}) {
  const { page, problems, close } = await openPage(browser, url, path, options);
  try {
    await run(page);
    assert.deepEqual(problems, []);
  } finally {
    await close();
  }
}

export const firstRows = page =>
  page.locator('.row-link').evaluateAll(links => links.slice(0, 3).map(link => link.textContent));

export async function live(page) {
  await page.getByText('Live', { exact: true }).waitFor();
}

/** The ids and texts of a conversation's messages as the page copies them, which is all of them and not only what is drawn. */
export async function copied(page) {
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await page.getByRole('button', { name: 'Copy the transcript as JSON' }).click();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  await page.keyboard.press('Escape');
  return JSON.parse(text).messages;
}
