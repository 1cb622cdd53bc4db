// What lies behind: the timeline and the spans.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness.mjs';
import { path, RESEARCH, TRIP } from '../scenes.mjs';
import { onPage } from './setting.mjs';

test('a message opens its span: facts, searchable attributes, copies, and the way to the tracing tool', () =>
  onPage(path(TRIP), async page => {
    await page.locator('.message .bubble', { hasText: 'Two ways to be there' }).click();
    const pane = page.getByRole('region', { name: 'Span' });
    await pane.getByText('LLM call').waitFor();
    await pane.getByText('gpt-4.1').first().waitFor();
    await pane.getByRole('heading', { name: 'Input' }).waitFor();
    await pane.getByRole('heading', { name: 'Output' }).waitFor();
    const trace = await pane.getByRole('link', { name: 'Trace' }).getAttribute('href');
    assert.match(trace, /^https:\/\/traces\.example\.com\/trace\/[0-9a-f]{32}\?span=[0-9a-f]{16}$/);
    await pane.getByRole('button', { name: 'Copy the span as JSON' }).click();
    const span = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
    assert.equal(span.operation, 'CHAT');
    assert.ok(span.usage.inputTokens > 0);
    await page.keyboard.press('Escape');
    await pane.waitFor({ state: 'detached' });
  }));

test('a tool opens its span with the error', () =>
  onPage(path(TRIP), async page => {
    const call = page.locator('.tool-call.is-error').first();
    await call.scrollIntoViewIfNeeded();
    await call.getByRole('button', { name: 'Details of hold_booking' }).click();
    const pane = page.getByRole('region', { name: 'Span' });
    await pane.getByText('seat map not available').first().waitFor();
    await pane.getByText('Tool execution').waitFor();
    const find = pane.getByRole('searchbox', { name: 'Find in resource' });
    if ((await find.count()) > 0) await find.fill('service');
    await until(
      () => pane.locator('.attribute').allInnerTexts(),
      all => all.some(text => /service\.name/.test(text)),
      'the resource',
    );
    assert.match(page.url(), /span=/);
  }));

test('the timeline has agents, calls, tools and errors as bars that zoom, with idle time folded', () =>
  onPage(`${path(RESEARCH)}?tab=timeline`, async page => {
    await page.locator('.timeline-row').first().waitFor();
    for (const kind of ['agent', 'chat', 'tool']) await page.locator(`.timeline-row.is-${kind}`).first().waitFor();
    await page.locator('.timeline-row.is-error', { hasText: 'fetch_page' }).waitFor();
    await page.locator('.axis-gap').first().waitFor({ state: 'attached' });
    const tick = () => page.locator('.axis-tick').last().innerText();
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
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByLabel('Fold idle time').uncheck();
    assert.notEqual(await tick(), whole);
    await page.locator('.timeline-row.is-error').click();
    await page.getByRole('region', { name: 'Span' }).getByText('no answer within 2.5 s').first().waitFor();
  }));
