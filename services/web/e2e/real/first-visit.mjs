// Nothing is there yet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeViolations, PHONE } from '../browser.mjs';
import { playScenes, TRIP } from '../scenes.mjs';
import { answer, ask } from '../stage.mjs';
import { live, onPage, stage } from './setting.mjs';

test('an empty installation says how to connect an app, and shows the first conversation by itself', async () => {
  await onPage('/', async page => {
    await page.getByRole('heading', { name: 'Waiting for the first conversation' }).waitFor();
    await page.getByRole('tab', { name: 'OpenTelemetry' }).click();
    await page.getByText('OTEL_EXPORTER_OTLP_ENDPOINT').waitFor();
    assert.deepEqual(await axeViolations(page), []);
    await live(page);
    await stage.say({ project: 'support', id: 'the-first' }, ask('Is anybody there?'), answer('Always.'));
    await page.getByRole('link', { name: 'Is anybody there?' }).waitFor();
  });
});

test('an unknown conversation is waited for no longer than it takes to know, and an unknown address is named', async () => {
  await onPage('/conversations/nowhere/none', page => page.getByText('No such conversation').waitFor());
  await onPage('/elsewhere', page => page.getByText('There is no such page').waitFor());
});

test('what the other tests look at is played, and arrives', async () => {
  await playScenes(stage);
  await onPage('/', page => page.getByRole('link', { name: /I need to be in Lisbon/ }).waitFor(), {
    viewport: PHONE,
  });
  assert.ok(TRIP.id);
});
