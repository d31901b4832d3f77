// SPDX-License-Identifier: Apache-2.0
// A P3X Redis UI that runs already and has one connection. usage: node running.mjs URL KEY VALUE
// Connects, looks for a string (a name without a colon), and opens it. Prints "ok", and leaves a picture
// in pictures/.
import { mkdirSync } from 'node:fs';

import { STEP_MS, startBrowser } from './browser.mjs';

const [url, key, value] = process.argv.slice(2);
if (!value) {
  console.error('usage: node running.mjs URL KEY VALUE');
  process.exit(2);
}
mkdirSync('pictures', { recursive: true });
const { browser, page } = await startBrowser();
const shown = (text) => page.getByText(text).filter({ visible: true }).first().waitFor();
let code = 1;
try {
  await page.goto(`${url}/settings`);
  await page.locator('button[ng-click="$ctrl.connect({ connection })"]').click();
  await shown(/connected: slotway/i);
  // The page may still be on its way to its settings.
  for (const end = Date.now() + STEP_MS; new URL(page.url()).pathname !== '/main/statistics';) {
    if (Date.now() > end) throw new Error(`the page stays at ${page.url()}`);
    await page.locator('button:visible').filter({ hasText: 'Home' }).first().click();
    await page.waitForTimeout(500);
  }
  // The page measures its parts when it is resized; the first time may have been too early.
  await page.setViewportSize({ width: 1400, height: 880 });
  await page.getByPlaceholder('Search server side').fill(key);
  await page.locator('button[aria-label="Search in the keys"]').click();
  await page.getByRole('button', { name: new RegExp(` - ${key}$`) }).click();
  await page.waitForURL(`**/main/key/${key}`);
  await shown(value);
  console.log('ok');
  code = 0;
} catch (error) {
  console.log(`FAIL ${String(error.message ?? error).replace(/\s+/g, ' ')}`);
}
await page.screenshot({ path: 'pictures/running.png' });
await browser.close();
process.exit(code);
