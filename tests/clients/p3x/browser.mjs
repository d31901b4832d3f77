// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium without a screen, and a page that reaches this machine only.
import { chromium } from 'playwright-core';

export const STEP_MS = 20000;

export async function startBrowser() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(STEP_MS);
  // The page also asks for what is not on this machine.
  await page.route('**/*', (route) => (
    new URL(route.request().url()).hostname === '127.0.0.1' ? route.continue() : route.abort()));
  return { browser, page };
}
