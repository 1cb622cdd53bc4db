// The stub, a browser and pages for one file of tests.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { launch, openPage } from './browser.mjs';
import { startStub } from './stub/server.mjs';

/** Longer than anything takes on a machine that has other things to do as well. */
const DEADLINE_MS = 25_000;
const LOOK_MS = 50;

/** Starts the stub and the browser for the file that calls it, and stops them after its last test. */
export function useStub(options) {
  const shared = { browser: null, stub: null };
  before(async () => {
    shared.stub = await startStub(options);
    shared.browser = await launch();
  });
  after(async () => {
    await shared.browser?.close();
    await shared.stub?.stop();
  });
  /** Runs on a page of its own, and fails on anything that must never happen there. */
  const onPage = async (path, run, pageOptions = {}) => {
    const { page, problems, close } = await openPage(shared.browser, shared.stub.url, path, pageOptions);
    try {
      await run(page, shared.stub.act);
      assert.deepEqual(problems, []);
    } finally {
      await close();
    }
  };
  return { shared, onPage };
}

/** Looks until `read` gives what `isRight` accepts. */
export async function until(read, isRight, what) {
  const deadline = Date.now() + DEADLINE_MS;
  let last;
  while (Date.now() < deadline) {
    last = await read();
    if (isRight(last)) return last;
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`waited in vain for ${what}; last seen: ${JSON.stringify(last)}`);
}
