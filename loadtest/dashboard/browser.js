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

// longest is how many milliseconds of processor time the longest task of the page's thread took while something was done.
export async function longest(page, act) {
  await page.tracing.start({ categories: ['toplevel'] });
  await act();
  const { traceEvents } = JSON.parse(new TextDecoder().decode(await page.tracing.stop()));
  const mains = new Set(traceEvents.filter((event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain').map((event) => `${event.pid} ${event.tid}`));
  const tasks = traceEvents.filter((event) => event.name.endsWith('RunTask') && event.tdur && mains.has(`${event.pid} ${event.tid}`));
  if (tasks.length === 0) throw new Error('the trace has no task of the page');
  return Math.max(...tasks.map((task) => task.tdur)) / 1000;
}

// bare lists the tables that have no button of their own that exports them.
export const bare = (page) => page.evaluate(() => {
  const owned = new Map();
  const without = [];
  for (const table of document.querySelectorAll('table')) {
    let around = table.parentElement;
    while (around && !around.querySelector('.csv')) around = around.parentElement;
    const buttons = [...(around?.querySelectorAll('.csv') ?? [])];
    const tables = [...(around?.querySelectorAll('table') ?? [])];
    const button = buttons[tables.indexOf(table)];
    if (buttons.length !== tables.length || owned.has(button)) without.push(table.id || table.outerHTML.slice(0, 80));
    owned.set(button, table);
  }
  return without;
});

// lowContrast lists the visible texts whose contrast to the ground that they stand on is below 4.5 to 1, as WCAG reckons it.
export const lowContrast = (page) => page.evaluate(() => {
  const pen = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * (255 - top[3])) / 255);
  const groundOf = (node) => {
    if (!node) return [255, 255, 255];
    const own = rgba(getComputedStyle(node).backgroundColor);
    return own[3] === 255 ? own : over(own, groundOf(node.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((n) => (n / 255 <= 0.04045 ? n / 255 / 12.92 : ((n / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || node.closest('script, noscript, option')) continue;
    const ground = groundOf(node);
    const [a, b] = [light(over(rgba(getComputedStyle(node).color), ground)), light(ground.slice(0, 3))].toSorted((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.add(`${node.tagName}.${node.className}: ${contrast.toFixed(2)}: ${text.data.trim().slice(0, 30)}`);
  }
  return [...found];
});
