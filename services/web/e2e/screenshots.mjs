// Takes the pictures of the README: `npm run screenshots`. Scripted conversations on the real system.
import { fileURLToPath } from 'node:url';
import { launch, PHONE } from './browser.mjs';
import { takePicture } from './picture.mjs';
import { ATTACK, path, playScenes, RESEARCH, SILENT } from './scenes.mjs';
import { startStage } from './stage.mjs';

const FOLDER = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const TRIP = '/?open=travel-desk%2Ftrip-7f3a91c2';

const PICTURES = [
  { name: 'list-light', scheme: 'light', address: '/', see: '.row-link' },
  { name: 'conversation-light', scheme: 'light', address: TRIP, see: '.message' },
  {
    name: 'conversation-dark',
    scheme: 'dark',
    address: path(RESEARCH),
    see: '.message',
    reach: async page => {
      await page.locator('.tool-call.is-error .span-button').first().click();
      await page.getByRole('heading', { name: 'Attributes' }).waitFor();
      await page.mouse.move(0, 0);
    },
  },
  { name: 'phone', scheme: 'light', address: TRIP, see: '.message', options: { viewport: PHONE, isTouched: true } },
];

const stage = await startStage();
// Some are there to show that nothing of them is run or captured, which makes for a strange picture.
await playScenes(stage, [ATTACK, SILENT]);
const browser = await launch();
for (const { name, scheme, options, ...state } of PICTURES) {
  const file = `${FOLDER}${name}.png`;
  await takePicture(browser, stage.url, state, { [scheme]: file }, options);
  console.log(file);
}
await browser.close();
await stage.stop();
