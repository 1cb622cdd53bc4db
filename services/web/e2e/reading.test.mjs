// Reading: what the transcript shows, keyboard, find, copy, deep links, safety.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, useStub } from './harness.mjs';

const { shared, onPage } = useStub();
const RESEARCH = '/conversations/market-notes/0c9d1e52-6a1f-4f0e-9a53-1f0bb7b0a6de';

test('sub-agents stand under the call that opened them, superseded answers are folded but reachable', () =>
  onPage(RESEARCH, async page => {
    await page.locator('.thread-row').first().waitFor();
    const before = await page.locator('.transcript-item').evaluateAll(items => items.map(item => item.textContent));
    const opener = before.findIndex(text => text.includes('I will send out two researchers'));
    assert.match(before[opener + 1], /researcher/);
    assert.ok(!before.some(text => text.includes('too much')));
    const fold = page.getByRole('button', { name: /1 earlier answer, regenerated/ });
    await fold.scrollIntoViewIfNeeded();
    await fold.click();
    await page.getByText('too much').waitFor();
  }));

test('a link to a message opens what folds it away and goes there', async () => {
  const conversation = shared.stub.state.world.find('market-notes', '0c9d1e52-6a1f-4f0e-9a53-1f0bb7b0a6de');
  const hidden = conversation.messages.find(message => message.superseded);
  await onPage(`${RESEARCH}#m-${hidden.id}`, async page => {
    await page.locator(`#m-${hidden.id}`).waitFor();
    const box = () => page.locator(`#m-${hidden.id}`).boundingBox();
    await until(box, found => found !== null && found.y > 100 && found.y < 600, 'the message in view');
  });
});

test('find goes through the whole conversation, not only what is drawn', () =>
  onPage('/conversations/ops-bot/marathon-5000', async page => {
    await page.locator('.message').first().waitFor();
    await page.getByText('more to read').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    await page.keyboard.type('question 2499:');
    await page.keyboard.press('Enter');
    await page.getByText('Question 2499:').waitFor();
    await page.getByText('1 of 1', { exact: true }).waitFor();
  }));

test('the list is used by keyboard alone', () =>
  onPage('/', async page => {
    await page.locator('.row-link').first().waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowDown');
    const chosen = await page.evaluate(() => document.activeElement?.textContent);
    assert.match(chosen, /One page on heat pumps/);
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Conversation' }).locator('.message').first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), chosen);
    await page.keyboard.press('/');
    await page.keyboard.type('refund');
    await page.waitForURL(/q=refund/);
    await until(
      () => page.locator('.row-link').count(),
      count => count === 1,
      'one match',
    );
    await page.keyboard.press('Escape');
    await page.waitForURL(url => !url.search.includes('q='));
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

test('the list scrolls on through all pages', () =>
  onPage('/', async page => {
    await page.locator('.row-link').first().waitFor();
    const end = async () => {
      await page.locator('.list-scroller').evaluate(element => element.scrollTo(0, element.scrollHeight));
      return page.locator('.list-foot').textContent();
    };
    const total = shared.stub.state.world.conversations.size;
    await until(end, text => text.includes(`${total} conversations`), 'all rows');
  }));

test('filters stand in the address, count, and narrow', () =>
  onPage('/?agent=billing&errors=yes', async page => {
    await until(
      () => page.locator('.row-link').count(),
      count => count === 1,
      'one match',
    );
    await page.getByRole('button', { name: 'billing' }).click();
    const choice = page.getByRole('dialog', { name: 'Filter by agent' });
    await choice.getByRole('checkbox', { name: /triage/ }).check();
    await page.waitForURL(/agent=billing&agent=triage/);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Cost' }).click();
    await page.getByRole('button', { name: '$1.00' }).click();
    await page.getByText('No conversation matches').waitFor();
    await page.goBack();
    await page.locator('.row-link').first().waitFor();
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.waitForURL(url => url.search === '');
  }));

test('the transcript is copied as Markdown, a message’s link leads to it', () =>
  onPage('/conversations/support/ticket-88412', async page => {
    await page.locator('.message').first().waitFor();
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await page.getByRole('button', { name: 'Copy the transcript as Markdown' }).click();
    const markdown = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(markdown, /^# Conversation\n/);
    assert.match(markdown, /Tool `refund`/);
    await page.keyboard.press('Escape');
    await page.locator('.message').first().hover();
    await page.locator('.message').first().getByRole('button', { name: 'Copy link to this message' }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(link, /\/conversations\/support\/ticket-88412#m-/);
  }));

test('a span shows its facts, finds attributes and links to the trace', () =>
  onPage('/conversations/travel-desk/trip-7f3a91c2', async page => {
    await page.locator('.message .bubble').nth(1).click();
    const pane = page.getByRole('region', { name: 'Span' });
    await pane.getByText('LLM call').waitFor();
    const trace = await pane.getByRole('link', { name: 'Trace' }).getAttribute('href');
    assert.match(trace, /^https:\/\/traces\.example\.com\/trace\/[0-9a-f]{32}\?span=[0-9a-f]{16}$/);
    await pane.getByRole('searchbox', { name: 'Find in attributes' }).fill('input_tokens');
    await until(
      () => pane.locator('.attribute').first().textContent(),
      text => text.includes('gen_ai.usage.input_tokens'),
      'the attribute',
    );
  }));

test('what was said is never run, loaded or followed', () =>
  onPage(`/conversations/support/${encodeURIComponent('<img src=x onerror=alert(1)>')}`, async page => {
    await page.locator('.tool-summary').click();
    await page.locator('.bubble').nth(1).click();
    await page.getByRole('heading', { name: 'Attributes' }).waitFor();
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    const dangerous = await page.evaluate(
      () =>
        document.querySelectorAll(
          '.panel img, iframe, object, [onerror], [onload], a[href^="javascript"], a[href^="data"]',
        ).length,
    );
    assert.equal(dangerous, 0);
  }));

test('the timeline zooms and pans', () =>
  onPage(`${RESEARCH}?tab=timeline`, async page => {
    await page.locator('.timeline-row').first().waitFor();
    const tick = () => page.locator('.axis-tick').last().textContent();
    const whole = await tick();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    assert.notEqual(await tick(), whole);
    await page.getByRole('button', { name: 'Show all' }).click();
    assert.equal(await tick(), whole);
    const axis = await page.locator('.axis').boundingBox();
    await page.mouse.move(axis.x + axis.width * 0.2, axis.y + 10);
    await page.mouse.down();
    await page.mouse.move(axis.x + axis.width * 0.4, axis.y + 10);
    await page.mouse.up();
    assert.notEqual(await tick(), whole);
  }));
