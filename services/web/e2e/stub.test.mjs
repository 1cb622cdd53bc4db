// What the real system cannot be made to do at will: a message that belongs further up, a token that is withdrawn, a
// network that goes, spans that belong nowhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeViolations } from './browser.mjs';
import { until, useStub } from './harness.mjs';

const { shared, onPage } = useStub();

async function live(page) {
  await page.getByText('Live', { exact: true }).waitFor();
}

test('a message that comes late takes its place', () =>
  onPage('/conversations/support/ticket-88412', async (page, act) => {
    await page.locator('.message').first().waitFor();
    await live(page);
    act('late', { project: 'support', id: 'ticket-88412' });
    await until(
      () => page.locator('.message .bubble').allTextContents(),
      all => all[1] === 'This answer came late',
      'the late message in second place',
    );
  }));

test('another row shows another conversation from its beginning', () =>
  onPage('/', async page => {
    await page.locator('.row-link').nth(1).click();
    await page.getByRole('heading', { name: /One page on heat pumps/ }).waitFor();
    await page.locator('.transcript-scroller').evaluate(element => element.scrollTo(0, 400));
    await page.getByRole('searchbox', { name: 'Find in conversation' }).fill('noise');
    await page.locator('.row-link').nth(0).click();
    await page.getByRole('heading', { name: /I need to be in Lisbon/ }).waitFor();
    await page.locator('.message').first().waitFor();
    assert.equal(await page.locator('.transcript-scroller').evaluate(element => element.scrollTop), 0);
    assert.equal(await page.getByRole('searchbox', { name: 'Find in conversation' }).inputValue(), '');
  }));

test('a token that is withdrawn is asked for again', async () => {
  shared.stub.state.token = 'secret';
  try {
    await onPage('/', async (page, act) => {
      await page.getByLabel('Token').fill('secret');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await live(page);
      act('token', { value: 'another' });
      await page.getByRole('heading', { name: 'Sign in to Colloquy' }).waitFor();
    });
  } finally {
    shared.stub.state.token = null;
  }
});

test('a network that is away is said to be away, and the page comes back by itself', () =>
  onPage('/', async (page, act) => {
    await live(page);
    await page.context().setOffline(true);
    act('drop');
    await page.getByText('Reconnecting').waitFor();
    await page.context().setOffline(false);
    await live(page);
  }));

test('the first visit says which spans arrived that belong to no conversation', () =>
  onPage('/', async (page, act) => {
    const { world } = shared.stub.state;
    const conversations = [...world.conversations];
    world.conversations.clear();
    try {
      await page.reload();
      await page.getByRole('heading', { name: 'Waiting for the first conversation' }).waitFor();
      act('unassigned');
      await page.getByText('17 LLM calls').waitFor();
      assert.deepEqual(await axeViolations(page), []);
    } finally {
      for (const [key, conversation] of conversations) world.conversations.set(key, conversation);
    }
  }));
