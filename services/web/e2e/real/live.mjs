// While a conversation goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness.mjs';
import { path } from '../scenes.mjs';
import { answer, ask, tool } from '../stage.mjs';
import { copied, live, onPage, stage } from './setting.mjs';

const LONG = { project: 'support', id: 'long-live' };
const scroller = page => page.locator('.transcript-scroller');
const distance = page =>
  scroller(page).evaluate(element => element.scrollHeight - element.scrollTop - element.clientHeight);

test('messages stream in; the view follows who is at the end, others see how many came', async () => {
  for (let turn = 0; turn < 8; turn += 1)
    await stage.say(LONG, ask(`Question ${turn}`), answer(`Answer ${turn}. `.repeat(30)));
  await stage.settle();
  await onPage(path(LONG), async page => {
    await page.locator('.message').first().waitFor();
    await live(page);
    assert.equal(await scroller(page).evaluate(element => element.scrollTop), 0);
    await stage.say(LONG, ask('Live question'), answer('Live answer'));
    await page.getByRole('button', { name: '2 new below' }).click();
    await until(
      () => distance(page),
      gap => gap < 4,
      'the end',
    );
    await stage.say(LONG, ask('And now?'), tool('look', {}, { seen: true }), answer('Now I see.'));
    await page.getByText('Now I see.').waitFor();
    await until(
      () => distance(page),
      gap => gap < 4,
      'the end again',
    );
    assert.equal(await page.getByText('new below').count(), 0);
    assert.match(await page.locator('.stats').innerText(), /11/);
  });
});

test('after a gateway that dies in the middle of a stream every message is there once, in order', async () => {
  const chat = { project: 'support', id: 'cut-off' };
  const said = [];
  const talk = async count => {
    for (let turn = 0; turn < count; turn += 1) {
      const number = said.length / 2;
      said.push(`Cut question ${number}`, `Cut answer ${number}`);
      await stage.say(chat, ask(said.at(-2)), answer(said.at(-1), 20));
    }
  };
  await talk(2);
  await stage.settle();
  await onPage(path(chat), async page => {
    await page.locator('.bubble', { hasText: 'Cut answer 1' }).waitFor();
    await live(page);
    for (let round = 0; round < 2; round += 1) {
      // Messages are on their way when the gateway goes, and go on while it is away.
      const talking = talk(15);
      // Whichever comes first into view: they may come faster than the page can show one after the other.
      const numbers = Array.from({ length: 15 }, (_, turn) => 2 + round * 30 + turn).join('|');
      await page
        .getByText(new RegExp(`^Cut answer (${numbers})$`))
        .first()
        .waitFor();
      await stage.killGateway();
      await talking;
      await page.getByText('Reconnecting').waitFor();
      await talk(15);
      await stage.startGateway();
      await live(page);
    }
    const texts = await until(
      async () => (await copied(page)).map(message => message.text),
      all => all.length >= said.length,
      'all messages',
    );
    assert.deepEqual(texts, said);
    await page.reload();
    await page.locator('.bubble', { hasText: 'Cut question 0' }).waitFor();
    await until(
      async () => (await copied(page)).length,
      count => count === said.length,
      'the same after reading anew',
    );
  });
});
