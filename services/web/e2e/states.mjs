// Takes a picture of every state of the page, wide and on a phone, light and dark, for a look at what a change did to
// all of them: `npm run states`, or those whose name contains one of the arguments. Against the stub, into e2e/shots.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launch, PHONE, WIDE } from './browser.mjs';
import { takePicture } from './picture.mjs';
import { CONVERSATION } from './states/conversation.mjs';
import { DETAIL } from './states/detail.mjs';
import { LIST } from './states/list.mjs';
import { startStub } from './stub/server.mjs';

const FOLDER = fileURLToPath(new URL('./shots/', import.meta.url));
const SIZES = { wide: { viewport: WIDE }, phone: { viewport: PHONE, isTouched: true } };

const wanted = process.argv.slice(2);
const states = [...LIST, ...CONVERSATION, ...DETAIL].filter(
  ({ name }) => wanted.length === 0 || wanted.some(each => name.includes(each)),
);

await mkdir(FOLDER, { recursive: true });
const browser = await launch();
// Building the stub's world takes longer than a picture, so it serves until a state has changed something in it.
let shared = null;
let failed = 0;
for (const state of states) {
  for (const size of Object.keys(SIZES)) if (!(await take(state, size))) failed += 1;
  console.log(state.name);
}
await shared?.stop();
await browser.close();
process.exitCode = failed > 0 ? 1 : 0;

async function take(state, size) {
  const own = state.stub ? await startStub(state.stub) : null;
  if (!own && !shared) shared = await startStub();
  const stub = own ?? shared;
  let isChanged = false;
  const act = (...direction) => {
    isChanged = true;
    stub.act(...direction);
  };
  const file = scheme => `${FOLDER}${state.name}.${size}-${scheme}.png`;
  try {
    await takePicture(browser, stub.url, state, { light: file('light'), dark: file('dark') }, SIZES[size], act);
    return true;
  } catch (cause) {
    console.error(`${state.name}, ${size}: ${cause.message}`);
    return false;
  } finally {
    if (own || isChanged) await stub.stop();
    if (isChanged && !own) shared = null;
  }
}
