// How a picture of the page is taken.
import { openPage } from './browser.mjs';

/**
 * Opens the page at `address`, waits for `see`, lets `reach` bring it to the state that is wanted, and takes a picture in
 * each colour scheme that `files` names a path for. The page stays the same one: what is open or under the pointer is so in all.
 */
export async function takePicture(
  browser,
  url,
  { address, see, isLive = true, reach },
  files,
  options = {},
  act = null,
) {
  const [first, ...others] = Object.entries(files);
  const { page, close } = await openPage(browser, url, address, { ...options, colorScheme: first[0] });
  try {
    await page.locator(see).first().waitFor();
    if (isLive) await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
    await page.mouse.move(0, 0);
    await reach?.(page, act);
    await page.screenshot({ path: first[1] });
    for (const [colorScheme, path] of others) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path });
    }
  } finally {
    await close();
  }
}
