// Drives the dashboard in Chromium while the gateway serves a mix of traffic.
//
//	node run.js BINARY MODULES OUT [--minutes N] [--update DOCS]
//
// MODULES is the folder that has node_modules, OUT takes the screenshots. --minutes lets traffic run for so long before, so that they
// show more; --update copies them to a folder of their own.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { inks, launch, until, watch } from './browser.js';
import { evil, keys, seldom, story, Town } from './servers.js';
import { burst, flow, openStream, question } from './traffic.js';

const { positionals, values: flags } = parseArgs({ allowPositionals: true, options: { minutes: { type: 'string', default: '0' }, update: { type: 'string' } } });
const [binary, modules, out] = positionals.map((path) => resolve(path));
const desk = { width: 1280, height: 900 };
const phone = { width: 360, height: 740, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
mkdirSync(out, { recursive: true });
const town = await Town.build(binary, folder);
const browser = await launch(modules);
const { page, complaints } = await watch(browser, desk);

const text = (selector) => page.$eval(selector, (node) => node.innerText);
const texts = (selector) => page.$$eval(selector, (nodes) => nodes.map((node) => node.innerText));
const shows = (selector, words) => until(page, `${selector} shows ${words}`,
  (s, w) => [...document.querySelectorAll(s)].some((node) => node.checkVisibility() && node.innerText.includes(w)), selector, words);
const charted = async () => {
  await until(page, 'six charts', () => document.querySelectorAll('#charts canvas').length === 6);
  const inked = await inks(page);
  assert.ok(inked.every((ink) => ink > 10), `a chart is blank: ${inked}`);
  return inked;
};

async function signIn(key) {
  await page.$eval('#key', (input) => { input.value = ''; });
  await page.type('#key', key);
  await page.keyboard.press('Enter');
}

async function choose(group, label) {
  await page.evaluate((id, words) => [...document.querySelectorAll(`#${id} label`)].find((node) => node.innerText === words).click(), group, label);
}

const fits = async () => {
  const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
  assert.ok(wide <= phone.width, `the page is ${wide} wide on a phone of ${phone.width}`);
};

let leaveStream;

const steps = {
  'the page comes without a key, and asks for one': async () => {
    const answer = await page.goto(`${town.base}/dashboard`);
    assert.equal(answer.status(), 200);
    assert.equal(page.url(), `${town.base}/dashboard/`);
    await shows('#signin', 'Admin key');
  },
  'a key that is unknown, no admin\'s or no key at all is told so': async () => {
    complaints.expecting = true;
    for (const [key, words] of [['sk-nobody-knows-this-one', 'does not know this key'], [keys.web, 'not an admin key'], ['ключ', 'only letters']]) {
      await signIn(key);
      await shows('#signin-error', words);
    }
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    complaints.expecting = false;
  },
  'before the first request it says what to do': async () => {
    await signIn(keys.admin);
    await shows('#empty', 'No request yet');
    await shows('#empty', `${town.base}/v1/chat/completions`);
    await shows('#providers', 'north');
  },
  'traffic fills every chart': async () => {
    await burst(town.base, 100);
    await flow(town.base, Number(flags.minutes));
    await page.reload(); // signed in still: the tab has the key
    await shows('#totals', 'gpt-4o-mini');
    await charted();
    assert.match(await text('#tiles'), /Requests\n\d+[\s\S]*Cost\n\$\d[\s\S]*First byte, median\n\d+ ms/);
    assert.deepEqual((await texts('#legend button')).toSorted(), ['claude-sonnet', 'deepseek-chat', 'gpt-4o', 'gpt-4o-mini', 'llama-3.3-70b']);
  },
  'pointing at a chart tells its values, and so do the arrow keys': async () => {
    const { x, y, width, height } = await (await page.$('.plot .u-over')).boundingBox();
    await page.mouse.move(x + width - 5, y + height / 2);
    await shows('.tip', 'all');
    await page.mouse.move(5, 5);
    await until(page, 'the values are hidden', () => [...document.querySelectorAll('.tip')].every((tip) => tip.hidden));
    await page.focus('.plot');
    await page.keyboard.press('End');
    await shows('.tip', 'all');
    await page.keyboard.press('Escape');
  },
  'the legend hides a line in all charts': async () => {
    const button = '#legend button[data-line="gpt-4o"]';
    const colour = await page.$eval(`${button} .dot`, (dot) => getComputedStyle(dot).backgroundColor);
    const drawn = async () => (await inks(page, colour)).map((ink) => ink > 0);
    const [requests, failures, tokens, cost] = await drawn();
    assert.deepEqual({ requests, failures, tokens, cost }, { requests: true, failures: false, tokens: true, cost: true });
    await page.click(button);
    await until(page, 'the line is off', (selector) => document.querySelector(selector).ariaPressed === 'false', button);
    assert.ok((await drawn()).every((ink) => !ink));
    await page.click(button);
    assert.ok((await drawn())[0]);
  },
  'providers, keys and all together are other groups': async () => {
    for (const [group, names] of [['Provider', ['north', 'south', 'west']], ['Key', ['batch', 'nightly', 'web']], ['All', ['All requests']], ['Model', null]]) {
      await choose('groups', group);
      if (names) await until(page, `the lines of ${group}`, (want) => [...document.querySelectorAll('#legend button')].map((b) => b.innerText).toSorted().join() === want, names.join());
      else await shows('#legend', 'gpt-4o');
      await charted();
    }
  },
  'every range can be looked at': async () => {
    for (const range of ['6 h', '24 h', '7 d', '30 d', '1 h']) {
      await choose('ranges', range);
      const steps = { '1 h': 60, '6 h': 120, '24 h': 600, '7 d': 3600, '30 d': 21600 };
      await page.waitForResponse(async (answer) => answer.url().includes('/timeline') && (await answer.json()).step === steps[range]);
      await charted();
    }
  },
  'a table is sorted by its columns': async () => {
    const costs = () => page.$$eval('#totals tbody tr', (rows) => rows.map((row) => Number(row.cells[6].innerText.slice(1))));
    const header = (await page.$$('#totals thead button'))[5];
    await header.click();
    assert.deepEqual(await costs(), (await costs()).toSorted((a, b) => b - a));
    await header.click();
    assert.deepEqual(await costs(), (await costs()).toSorted((a, b) => a - b));
    await (await page.$$('#totals thead button'))[0].click();
  },
  'a channel that cools is shown with its error': async () => {
    await shows('.provider[open] td .state.resting', 'cooling, ');
    await shows('.provider[open] td', 'the mock upstream was told to fail');
    assert.ok((await texts('.provider[open] h3')).includes('east'));
    const left = () => text('.provider[open] td .state.resting');
    const before = await left();
    await until(page, 'the countdown goes on', (was) => document.querySelector('.provider[open] td .state.resting').innerText !== was, before);
  },
  'what cools is asked again by a button': async () => {
    await page.evaluate(() => [...document.querySelectorAll('.provider[open]')].find((card) => card.innerText.includes('east')).querySelector('.awake button').click());
    await until(page, 'it says what it did', () => [...document.querySelectorAll('.awake [role=status]')].some((said) => /ended|Nothing rested/.test(said.innerText))
      || ![...document.querySelectorAll('.provider')].find((card) => card.innerText.includes('east')).innerText.includes('cooling'));
  },
  'a provider is sent a test request by a button, and what it answers is shown': async () => {
    const press = (name) => page.evaluate((provider) => {
      const card = [...document.querySelectorAll('.provider')].find((one) => one.querySelector('h3').innerText === provider);
      card.open = true;
      card.querySelector('.test button').click();
    }, name);
    await press('north');
    await shows('.answers', 'good');
    complaints.expecting = true;
    await press('south');
    await shows('.answers', 'Try again in');
    complaints.expecting = false;
  },
  'a stream shows up while it is open': async () => {
    const leave = await openStream(town.base);
    await shows('#live', story);
    await shows('#live', 'harbour');
    await leave();
    await until(page, 'the stream is gone', () => !document.querySelector('#live').innerText.includes('long-story'));
  },
  'it is well drawn': async () => {
    leaveStream = await openStream(town.base);
    await shows('#live', story);
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(out, 'dashboard.png'), fullPage: true });
  },
  'the dark theme is kept': async () => {
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await page.click('#theme');
    const dark = await ground();
    assert.notEqual(light, dark);
    await charted();
    await page.reload();
    await shows('#totals', 'gpt-4o-mini');
    assert.equal(await ground(), dark);
    await charted();
    await shows('#live', story);
    await page.screenshot({ path: join(out, 'dashboard-dark.png'), fullPage: true });
    await page.click('#theme');
    assert.equal(await ground(), light);
  },
  'it fits on a phone': async () => {
    await page.setViewport(phone);
    await page.reload();
    await shows('#totals', 'gpt-4o-mini');
    await charted();
    await shows('#live', story);
    await fits();
    await page.screenshot({ path: join(out, 'dashboard-phone.png'), clip: { x: 0, y: 0, width: phone.width, height: 1180 }, captureBeyondViewport: true });
    // In one step: the page draws its providers anew while it is looked at.
    await page.evaluate(() => document.querySelectorAll('.provider:not([open]) summary').forEach((summary) => summary.click()));
    await shows('.provider th', story);
    await fits();
    await page.setViewport(desk);
    await leaveStream();
  },
  'a model\'s name is text, whatever it says': async () => {
    await (await question(town.base, 'batch', { model: evil })).text();
    await page.reload();
    await shows('#totals th', evil);
    assert.equal(await page.evaluate(() => window.harmed), undefined);
    assert.equal(await page.$('img[src="x"]'), null);
  },
  'models beyond the colours are one line, and have each a row': async () => {
    for (const model of seldom) await (await question(town.base, 'batch', { model })).text();
    await page.reload();
    await shows('#legend', ' others');
    assert.equal((await texts('#legend button')).length, 8);
    assert.equal((await texts('#totals tbody tr')).length, 10);
    await charted();
  },
  'a gateway that is gone is told of, and so is its return': async () => {
    complaints.expecting = true;
    await town.gateway.stop();
    await shows('#troubles', 'cannot be reached');
    await town.open();
    await until(page, 'the trouble is over', () => document.querySelector('#troubles').childNodes.length === 0);
    complaints.expecting = false;
    await charted(); // the books were kept
  },
  'an admin whose key is taken away is signed out, and told why': async () => {
    complaints.expecting = true;
    town.configure((config) => config.replace(keys.admin, `${keys.admin}-of-old`));
    await shows('#signin-error', 'You were signed out. The gateway does not know this key.');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    town.configure((config) => config);
    await until(page, 'the key is good again', async (key) => (await fetch('../v1/live', { headers: { Authorization: `Bearer ${key}` } })).ok, keys.admin);
    complaints.expecting = false;
    await signIn(keys.admin);
    await shows('#totals', 'gpt-4o-mini');
    assert.equal(await text('#signin-error'), '');
  },
  'signing out forgets the key': async () => {
    await page.click('#signout');
    await shows('#signin', 'Admin key');
    const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie, location.href, document.documentElement.outerHTML]));
    assert.ok(!kept.includes(keys.admin), 'the key is still there');
    await page.reload();
    await shows('#signin', 'Admin key');
  },
  'on a phone it asks for a key too': async () => {
    await page.setViewport(phone);
    await fits();
    await page.screenshot({ path: join(out, 'signin-phone.png') });
  },
};

let failed = 0;
try {
  for (const [name, step] of Object.entries(steps)) {
    const begin = Date.now();
    await step();
    assert.deepEqual(complaints.list, [], 'the browser complained');
    console.log(`ok    ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  }
  for (const name of ['dashboard.png', 'dashboard-phone.png']) {
    const { size } = statSync(join(out, name));
    assert.ok(size < 300_000, `${name} has ${size} bytes, too many for the documentation`);
    if (flags.update) copyFileSync(join(out, name), join(flags.update, name));
  }
} catch (error) {
  failed = 1;
  console.error(`FAIL  ${error.stack}`);
  await page.screenshot({ path: join(out, 'failed.png'), fullPage: true });
} finally {
  await browser.close();
  await town.close();
  rmSync(folder, { recursive: true });
}
process.exit(failed);
