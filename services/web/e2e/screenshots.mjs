// Takes the pictures of the README: `npm run screenshots`. Scripted conversations on the real system.
import { fileURLToPath } from 'node:url';
import { launch, openPage, PHONE } from './browser.mjs';
import { ATTACK, path, playScenes, RESEARCH, SILENT } from './scenes.mjs';
import { startStage } from './stage.mjs';

const FOLDER = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const TRIP = '/?open=travel-desk%2Ftrip-7f3a91c2';

const PICTURES = [
  { name: 'list-light', address: '/', see: '.row-link' },
  { name: 'conversation-light', address: TRIP, see: '.message' },
  {
    name: 'conversation-dark',
    address: path(RESEARCH),
    see: '.message',
    options: { colorScheme: 'dark' },
    open: '.tool-call.is-error .span-button',
  },
  { name: 'phone', address: TRIP, see: '.message', options: { viewport: PHONE } },
];

const stage = await startStage();
// Some are there to show that nothing of them is run or captured, which makes for a strange picture.
await playScenes(stage, [ATTACK, SILENT]);
const browser = await launch();
for (const { name, address, see, options, open } of PICTURES) {
  const { page, close } = await openPage(browser, stage.url, address, options);
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
await stage.stop();
