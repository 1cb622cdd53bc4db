// Beginnings and failures: nothing there yet, signed out, unknown, away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeViolations, PHONE } from './browser.mjs';
import { until, useStub } from './harness.mjs';

const { shared, onPage } = useStub({ empty: true });

test('the first visit shows how to connect, says what is missing, and gives way to the first conversation', () =>
  onPage('/', async (page, act) => {
    await page.getByRole('heading', { name: 'Waiting for the first conversation' }).waitFor();
    assert.deepEqual(await axeViolations(page), []);
    await page.getByRole('tab', { name: 'OpenTelemetry' }).click();
    await page.getByText('OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318').waitFor();
    act('unassigned');
    await page.getByText('17 LLM calls').waitFor({ timeout: 8_000 });
    assert.deepEqual(await axeViolations(page), []);
    act('fresh');
    await page.getByRole('link', { name: /Fresh question/ }).waitFor();
  }));

test('a search without a match says so, and what was searched', () =>
  onPage('/?q=nothing+like+this', async page => {
    await page.getByText('No conversation matches').waitFor();
    assert.deepEqual(await axeViolations(page), []);
  }));

test('an unknown conversation and an unknown page say so', async () => {
  await onPage('/conversations/nowhere/none', async page => {
    await page.getByText('No such conversation').waitFor();
  });
  await onPage('/elsewhere', async page => {
    await page.getByText('There is no such page').waitFor();
  });
});

test('a gateway that asks for a token gets one, refuses a wrong one, and may take it back', async () => {
  shared.stub.state.token = 'secret';
  try {
    await onPage('/', async (page, act) => {
      await page.getByRole('heading', { name: 'Sign in to Colloquy' }).waitFor();
      assert.deepEqual(await axeViolations(page), []);
      await page.getByLabel('Token').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('refused the last token').waitFor();
      await page.getByLabel('Token').fill('secret');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('Live', { exact: true }).waitFor();
      await page.reload();
      await page.getByText('Live', { exact: true }).waitFor();
      act('token', { value: 'another' });
      await page.getByRole('heading', { name: 'Sign in to Colloquy' }).waitFor();
    });
  } finally {
    shared.stub.state.token = null;
  }
});

test('a gateway that is away is said to be away, and the page comes back by itself', async () => {
  await onPage('/', async (page, act) => {
    act('fresh');
    await page.getByText('Live', { exact: true }).waitFor();
    await page.context().setOffline(true);
    act('drop');
    await page.getByText('Reconnecting').waitFor();
    await page.context().setOffline(false);
    await page.getByText('Live', { exact: true }).waitFor();
  });
});

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
