// Takes the pictures of the README: `npm run screenshots`. Scripted conversations, so that they are the same each time.
import { fileURLToPath } from 'node:url';
import { launch, openPage, PHONE } from './browser.mjs';
import { startStub } from './stub/server.mjs';

const FOLDER = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const TRIP = '/?open=travel-desk%2Ftrip-7f3a91c2';
const RESEARCH = '/conversations/market-notes/0c9d1e52-6a1f-4f0e-9a53-1f0bb7b0a6de';

const PICTURES = [
  { name: 'list-light', path: '/', see: '.row-link' },
  { name: 'conversation-light', path: TRIP, see: '.message' },
  {
    name: 'conversation-dark',
    path: RESEARCH,
    see: '.message',
    options: { colorScheme: 'dark' },
    open: '.tool-call.is-error .span-button',
  },
  { name: 'phone', path: TRIP, see: '.message', options: { viewport: PHONE } },
];

const stub = await startStub();
const { world } = stub.state;
// They are there to show that nothing of them is run, which makes for a strange picture.
for (const [key, conversation] of world.conversations) {
  if (conversation.id.startsWith('<') || conversation.id === 'ticket-88377') world.conversations.delete(key);
}
const browser = await launch();
for (const { name, path, see, options, open } of PICTURES) {
  const { page, close } = await openPage(browser, stub.url, path, options);
  await page.locator(see).first().waitFor();
  await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
  if (open) {
    await page.locator(open).first().click();
    await page.getByRole('heading', { name: 'Attributes' }).waitFor();
  }
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${FOLDER}${name}.png` });
  console.log(`${FOLDER}${name}.png`);
  await close();
}
await browser.close();
await stub.stop();
