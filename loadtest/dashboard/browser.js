// A Chromium without a window, in which nothing may go wrong unnoticed.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

// launch opens a browser. modules is the folder of the node_modules with puppeteer-core.
export async function launch(modules) {
  const puppeteer = createRequire(`${modules}/`)('puppeteer-core');
  const executablePath = places.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error('there is no Chromium: apt-get install chromium, or name one in CHROMIUM');
  return puppeteer.launch({
    executablePath,
    // Who is root, in a container for example, cannot have Chromium's own sandbox.
    args: ['--disable-dev-shm-usage', '--force-color-profile=srgb', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
  });
}

// watch opens a page and collects its complaints. Chromium reports every answer that is no success as an error too: those that a
// test provokes are expected while `expecting` is true.
export async function watch(browser, viewport) {
  const page = await browser.newPage();
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  const complaints = { list: [], expecting: false };
  page.on('console', (message) => {
    const refused = message.text().startsWith('Failed to load resource');
    if (['error', 'warn'].includes(message.type()) && !(complaints.expecting && refused)) complaints.list.push(message.text());
  });
  page.on('pageerror', (error) => complaints.list.push(String(error)));
  await page.exposeFunction('reportViolation', (text) => complaints.list.push(`refused by the policy: ${text}`));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('securitypolicyviolation', (event) => window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
  });
  return { page, complaints };
}

// until waits until something is so in the page, and says what if it never is.
export async function until(page, what, condition, ...args) {
  try {
    return await page.waitForFunction(condition, { timeout: 20_000, polling: 50 }, ...args);
  } catch (error) {
    const shown = await page.evaluate(() => document.body.innerText.slice(0, 4000));
    throw new Error(`never: ${what}\nThe page shows:\n${shown}`, { cause: error });
  }
}

// inks counts the pixels of each chart that have a colour of their own, neither grey nor transparent; with a colour, as "rgb(1, 2, 3)",
// those that have that one.
export const inks = (page, colour = '') => page.$$eval('#charts canvas', (canvases, wanted) => canvases.map((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true }); // reading slows a canvas down
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b, a] = data.subarray(i, i + 4);
    if (wanted ? `rgb(${r}, ${g}, ${b})` === wanted : a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) ink++;
  }
  return ink;
}), colour);
