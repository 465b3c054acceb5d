// Drives the dashboard in Chromium while the gateway serves a mix of traffic.
//
//	node run.js BINARY MODULES OUT [--minutes N] [--update DOCS]
//
// MODULES is the folder that has node_modules, OUT takes the screenshots. --minutes lets traffic run for so long before, so that they
// show more; --update copies them to a folder of their own.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { bare, inks, launch, longest, lowContrast, until, watch } from './browser.js';
import { evil, keys, lastMonth, seldom, story, Town } from './servers.js';
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

// slowness is by how much longer the page takes now over work that never changes than a quiet machine does: what shares its processor slows
// it down, and its processor time with it.
const quiet = 16; // milliseconds
const slowness = () => page.evaluate((usual) => {
  let least = Infinity;
  for (let tries = 0; tries < 5; tries++) {
    const began = performance.now();
    let seed = 1;
    Array.from({ length: 60_000 }, () => (seed = (seed * 48271) % 2147483647)).sort((a, b) => a - b);
    least = Math.min(least, performance.now() - began);
  }
  return Math.max(1, least / usual);
}, quiet);

// smooth holds that nothing keeps the page from answering for longer than 50 ms, which is a long task. What counts is the processor time
// of the page's thread, and the best of six tries: a machine that does something else is not the page's fault.
async function smooth(what, act) {
  let least = Infinity;
  let most = 50;
  for (let tries = 0; tries < 6 && least > most; tries++) {
    most = 50 * await slowness();
    least = Math.min(least, await longest(page, act));
  }
  console.log(`      ${what}: ${least.toFixed(0)} ms of ${most.toFixed(0)} at most`);
  assert.ok(least <= most, `${what} held the page up for ${least.toFixed(0)} ms`);
}

let leaveStream;

// slowForAWhile has one provider take its time for as long as it takes to be seen, and then no longer.
async function slowForAWhile() {
  town.slow(true);
  const slow = async () => {
    const begin = Date.now();
    await (await question(town.base, 'web', { model: 'llama-3.3-70b' })).text();
    return Date.now() - begin > 1400;
  };
  for (const late = Date.now() + 20_000; !(await slow());) assert.ok(Date.now() < late, 'the provider stays fast');
  await Promise.all(Array.from({ length: 10 }, slow));
  town.slow(false);
  for (const late = Date.now() + 20_000; await slow();) assert.ok(Date.now() < late, 'the provider stays slow');
}

const steps = {
  'the page comes without a key, and asks for one': async () => {
    const answer = await page.goto(`${town.base}/dashboard`);
    assert.equal(answer.status(), 200);
    assert.equal(page.url(), `${town.base}/dashboard/`);
    await shows('#signin', 'API key');
  },
  'a key that is unknown or no key at all is told so': async () => {
    complaints.expecting = true;
    for (const [key, words] of [['sk-nobody-knows-this-one', 'does not know this key'], ['ключ', 'only letters']]) {
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
    const header = (await page.$$('#totals thead button'))[6];
    await header.click();
    assert.deepEqual(await costs(), (await costs()).toSorted((a, b) => b - a));
    await header.click();
    assert.deepEqual(await costs(), (await costs()).toSorted((a, b) => a - b));
    await (await page.$$('#totals thead button'))[1].click();
  },
  'task: which provider fails, and why': async () => {
    await shows('#failing', 'the mock upstream was told to fail');
    await shows('#failing', 'attempts failed');
    const failing = await texts('#failing h3');
    assert.ok(failing.includes('east') && !failing.includes('north'), failing.join());
    assert.deepEqual((await texts('#providers summary h3')).slice(0, failing.length), failing);
    await shows('#providers summary .state.broken', 'failing');
    await page.type('#providers > input', 'har');
    await until(page, 'one provider', () => [...document.querySelectorAll('#providers summary h3')].map((h) => h.innerText).join() === 'harbour');
    await page.$eval('#providers > input', (input) => { input.value = ''; input.dispatchEvent(new Event('input')); });
    await choose('groups', 'Provider');
    await shows('.names', 'east'); // its attempts failed, though others answered
    await choose('groups', 'Model');
    await shows('.names', 'deepseek-chat');
  },
  'task: the request with an id, and its attempts': async () => {
    await page.evaluate(() => [...document.querySelectorAll('.failing')].find((card) => card.querySelector('h3').innerText === 'east').querySelector('button').click());
    await shows('#requests tbody', 'gpt-4o-mini');
    assert.equal(await page.$eval('[name=provider]', (input) => input.value), 'east');
    await shows('#lost', 'east: 503');
    await shows('#breakdown', 'Failed attempts before');
    const id = await text('#requests tbody code');
    await page.click('#requests tbody tr');
    await shows('#request', id);
    await shows('#attempts', 'the mock upstream was told to fail');
    assert.deepEqual(await bare(page), [], 'tables that cannot be exported');
    await shows('#request', 'failed attempts before');
    await shows('#request', 'The stream over time');
    await until(page, 'the way of the stream is drawn', () => document.querySelector('#request .flow canvas'));
    await page.screenshot({ path: join(out, 'request.png'), fullPage: true });
    assert.equal(await page.$('#said'), null); // metadata alone is kept
    // What the search before was narrowed to hides no request whose id is known.
    await page.$eval('[name=model]', (input) => { input.value = 'another-model'; });
    await page.$eval('[name=end]', (input) => { input.value = '2020-01-01T00:00:00'; });
    await page.type('[name=id]', id);
    await page.keyboard.press('Enter');
    await until(page, 'the one alone', (want) => document.querySelectorAll('#requests tbody tr').length === 1 && document.querySelector('#request').innerText.includes(want), id);
    await page.click('.filters button[type=button]');
    await page.reload();
    await shows('#requests tbody', 'gpt-4o-mini'); // the view is in the address, and has what it shows
    await choose('views', 'Overview');
  },
  'a click on a bar leads to the requests behind it': async () => {
    await charted();
    const over = (await page.$$('.plot .u-over'))[1]; // of those that failed
    const { x, y, width, height } = await over.boundingBox();
    const right = await page.evaluate(() => { // the last bar that is there
      const canvas = document.querySelectorAll('#charts canvas')[1];
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let last = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) last = Math.max(last, (i / 4) % canvas.width);
      return last / canvas.width;
    });
    const plot = await (await page.$$('#charts .plot'))[1].boundingBox();
    await page.mouse.click(plot.x + right * plot.width - 2, y + height - 3);
    await shows('#requests tbody', 'deepseek-chat');
    assert.equal(await page.$eval('[name=model]', (input) => input.value), 'deepseek-chat');
    assert.equal(await page.$eval('.check input', (box) => box.checked), true);
    await until(page, 'those that failed alone', () => [...document.querySelectorAll('#requests tbody tr')].every((row) => Number(row.cells[1].innerText) >= 400));
    assert.ok(x > 0 && width > 0);
    await choose('views', 'Overview');
  },
  'a click on a chart that was drawn anew under the pointer counts, and one beside its lines is for the slowest': async () => {
    const late = (await page.$$('.plot .u-over'))[5];
    const { x, y, width } = await late.boundingBox();
    await page.mouse.move(x + width - 2, y + 3);
    await page.mouse.down();
    await page.evaluate(() => { document.querySelector('#theme').click(); document.querySelector('#theme').click(); });
    await page.evaluate(() => new Promise((drawn) => setTimeout(drawn, 300)));
    await page.mouse.up();
    await shows('#breakdown', 'The provider that answered');
    const [from, until_] = await page.evaluate(() => ['start', 'end'].map((name) => new Date(document.querySelector(`[name=${name}]`).value).getTime() / 1000));
    assert.equal(until_ - from, 60);
    assert.notEqual(await page.$eval('[name=model]', (input) => input.value), '', 'no line was meant');
    await choose('views', 'Overview');
  },
  'what each key costs in a month is told, by model too, with what is left and what has no price': async () => {
    await choose('views', 'Costs and limits');
    await shows('#costs', 'web');
    await page.click('#by-model');
    await shows('#costs-models', 'claude-sonnet');
    await shows('#left', '$500');
    await shows('#left', 'requests a day left');
    assert.deepEqual(await bare(page), [], 'tables that cannot be exported');
    assert.equal(await text('#left tbody th'), 'batch', 'what has least left is not first');
    await shows('#unpriced', 'Every model has a price');
    const before = await page.$eval('#month', (select) => select.options[2].value);
    await page.select('#month', before);
    await shows('#costs-models', 'Nothing was asked in this month');
    await page.select('#month', await page.$eval('#month', (select) => select.options[0].value));
    await shows('#costs-models', 'claude-sonnet');
    await page.screenshot({ path: join(out, 'costs.png'), fullPage: true });
  },
  'task: what a key cost last month': async () => {
    await page.select('#month', await page.$eval('#month', (select) => select.options[1].value));
    await until(page, 'the cost of last month', (want) => [...document.querySelectorAll('#costs-models tbody tr')].some((row) => row.innerText.includes(want.key) && row.innerText.includes(want.model) && row.innerText.includes(want.cost)), lastMonth);
    await page.click('#by-model');
    const row = await page.$$eval('#costs tbody tr', (rows) => [...rows[0].cells].map((cell) => cell.innerText));
    assert.deepEqual([row[0], row[3]], [lastMonth.key, lastMonth.cost]);
    await page.select('#month', await page.$eval('#month', (select) => select.options[0].value));
    await until(page, 'last month beside this one', (want) => [...document.querySelectorAll('#costs tbody tr')].some((line) => line.cells[0].innerText === want.key && line.cells[4].innerText === want.cost), lastMonth);
    await page.click('#by-model');
    await shows('#costs-models', 'claude-sonnet');
  },
  'a table is exported as it is shown': async () => {
    const client = await page.createCDPSession();
    await client.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder, eventsEnabled: true });
    const done = new Promise((ended) => client.on('Browser.downloadProgress', (progress) => progress.state === 'completed' && ended()));
    await page.type('[aria-label="Filter: Cost by key and model"]', 'claude');
    await page.click('[aria-label="Cost by key and model as CSV"]');
    await done;
    const lines = readFileSync(join(folder, 'cost-by-key-and-model.csv'), 'utf8').trim().split('\r\n');
    assert.equal(lines[0], '"Key","Model","Requests","Failed","Cost","Tokens in","Cached","Tokens out","Price"');
    assert.equal(lines.length, 2);
    assert.match(lines[1], /^"batch","claude-sonnet",\d+,0,0\.\d+,/);
    await choose('views', 'Requests');
    await page.click('.filters button[type=button]');
    await shows('#slow', 'south');
    await shows('#requests tbody', 'gpt-4o');
    await page.click('#requests tbody tr');
    const its = await text('#requests tbody tr code');
    const third = new Promise((ended) => client.on('Browser.downloadProgress', (progress) => progress.state === 'completed' && ended()));
    await page.click('#request .csv');
    await third;
    const attempts = readFileSync(join(folder, `attempts-of-${its}.csv`), 'utf8').trim().split('\r\n');
    assert.match(attempts[0], /^"Attempt","Provider","Model there",.*"What came of it"$/);
    assert.match(attempts[1], /^"1","\w+",/);
    const another = new Promise((ended) => client.on('Browser.downloadProgress', (progress) => progress.state === 'completed' && ended()));
    await page.click('[aria-label="Which providers were slower than the median of all as CSV"]');
    await another;
    const slow = readFileSync(join(folder, 'which-providers-were-slower-than-the-median-of-all.csv'), 'utf8').trim().split('\r\n');
    assert.equal(slow[0], '"Provider","Requests","Median","95th percentile","Its part of the delay"');
    assert.match(slow[1], /^"\w+","\d+","[\d.]+ m?s",/);
    await choose('views', 'Overview');
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
  'with request_log: bodies a request shows what was said, and its capture is downloaded': async () => {
    const bodies = (on) => town.configure((config) => (on ? config.replace('"metadata"', '"bodies"') : config));
    bodies(true);
    await until(page, 'bodies are kept', async (key) => (await (await fetch('../v1/requests?limit=1', { headers: { Authorization: `Bearer ${key}` } })).json()).state.level === 'bodies', keys.admin);
    const answer = await question(town.base, 'web', { model: 'gpt-4o', messages: [{ role: 'user', content: 'words that nobody else has said' }] });
    await answer.text();
    const id = answer.headers.get('x-request-id');
    bodies(false);
    await choose('views', 'Requests');
    await page.click('.filters button[type=button]');
    await page.type('[name=id]', id);
    await page.keyboard.press('Enter');
    await shows('#said', 'The client asked');
    await page.evaluate(() => document.querySelectorAll('#said summary').forEach((summary) => summary.click()));
    await shows('#said pre', 'words that nobody else has said');
    await shows('#said summary', 'The client got');
    await shows('#said summary', 'Attempt 1, ');
    assert.ok(!(await text('#said')).includes(keys.web), 'it shows a key');
    assert.ok(!/Bearer sk-/.test(await text('#said')), 'it shows a key');
    await page.screenshot({ path: join(out, 'said.png'), fullPage: true });
    await page.setViewport({ width: phone.width, height: phone.height }); // not as a phone, which would load the page anew
    await fits();
    await page.setViewport(desk);
    const client = await page.createCDPSession();
    await client.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder, eventsEnabled: true });
    const done = new Promise((ended) => client.on('Browser.downloadProgress', (progress) => progress.state === 'completed' && ended()));
    await page.click('#capture');
    await done;
    const capture = readFileSync(join(folder, `capture-${id}.json`), 'utf8');
    assert.equal(JSON.parse(capture).uni_api_capture, 1);
    assert.ok(!capture.includes('nobody else'), 'the capture has texts');
    assert.ok(capture.includes('gpt-4o'));
    await choose('views', 'Overview');
    await page.evaluate(() => scrollTo(0, 0));
  },
  'task: which models have no price': async () => {
    town.configure((config) => config.replace('"default": "0.6,0.6"', '"another": "0.6,0.6"'));
    await until(page, 'the configuration is in force', async (key) => {
      const { providers } = await (await fetch('../v1/overview', { headers: { Authorization: `Bearer ${key}` } })).json();
      return providers.some((provider) => provider.channels.some((channel) => channel.default_price));
    }, keys.admin);
    await choose('views', 'Costs and limits');
    await shows('#unpriced', seldom[0]);
    assert.equal(await text('#costs-view h2'), 'Models without a price');
    assert.match(await text('#unpriced'), /south[\s\S]*\$1 in, \$2 out/);
    assert.ok(!(await text('#unpriced')).includes('gpt-4o'));
    town.configure((config) => config);
    await until(page, 'all have a price again', async (key) => {
      const { providers } = await (await fetch('../v1/overview', { headers: { Authorization: `Bearer ${key}` } })).json();
      return providers.every((provider) => provider.channels.every((channel) => !channel.default_price));
    }, keys.admin);
    await choose('views', 'Overview');
  },
  'task: why the 95th percentile rose': async () => {
    const told = () => page.evaluate(() => document.querySelectorAll('#charts figure')[5].querySelector('.tip').innerText);
    await slowForAWhile();
    await page.reload();
    await choose('groups', 'Provider');
    await shows('.names', 'north');
    const first = await page.evaluate(() => document.querySelectorAll('#charts .names')[5].innerText.trim().split(/\s+/)[0]);
    assert.equal(first, 'north', 'the one that became slow is not first');
    await choose('groups', 'All');
    await until(page, 'one line', () => document.querySelectorAll('#legend button').length === 1);
    await charted();
    await (await page.$$('.plot'))[5].focus();
    await page.keyboard.press('End');
    for (let back = 0; back < 5 && !/[1-9]\.\d+ s/.test(await told()); back++) await page.keyboard.press('ArrowLeft');
    assert.match(await told(), /[1-9]\.\d+ s/);
    await page.keyboard.press('Enter');
    await shows('#breakdown', 'The provider that answered');
    await until(page, 'who was slow', () => document.querySelector('#slow tbody tr')?.cells[0].innerText === 'north');
    assert.match(await text('#slow tbody tr'), /1\.[5-9]\d s/);
    await choose('views', 'Overview');
    await choose('groups', 'Model');
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
    await page.screenshot({ path: join(out, 'dashboard.png'), clip: { x: 0, y: 0, width: desk.width, height: 1640 }, captureBeyondViewport: true });
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
  'text stands out from its ground in both themes': async () => {
    for (const theme of ['light', 'dark']) {
      await page.evaluate((name) => { document.documentElement.dataset.theme = name; }, theme);
      for (const view of ['Overview', 'Requests', 'Costs and limits']) {
        await choose('views', view);
        await until(page, `${view} is there`, () => [...document.querySelectorAll('td')].some((td) => td.checkVisibility()));
        const faint = await lowContrast(page);
        assert.deepEqual(faint, [], `${view}, ${theme}`);
      }
    }
    await page.evaluate(() => { delete document.documentElement.dataset.theme; });
    await choose('views', 'Overview');
  },
  'ten thousand models, and the one of fifty providers that fails, are no trouble': async () => {
    const total = { time: 0, requests: 10, failures: 0, prompt_tokens: 1, cached_tokens: 0, completion_tokens: 1, cost: 0.1, ttft_p50_ms: 1, ttft_p95_ms: 1, duration_p50_ms: 1, duration_p95_ms: 1 };
    const many = (n, word) => Array.from({ length: n }, (_, i) => ({ name: `${word}-${i}`, total, points: [] }));
    const channels = Array.from({ length: 200 }, (_, i) => ({ model: `model-${i}`, upstream_model: `model-${i}`, price: '1,2', default_price: false, resting: false, resting_alone: [], last_error: '', last_error_at: 0 }));
    const providers = many(50, 'provider').map(({ name }) => ({ name, engine: 'gpt', usable: true, models: 200, channels: [], keys: [],
      reasons: name === 'provider-37' ? [{ status: 401, error: 'the key has been revoked', model: 'model-1', count: 264, at: 1 }] : [] }));
    const costs = many(20_000, 'model').map(({ name }, i) => ({ key: `team-${i % 1000}`, key_id: `${i % 1000}`, model: name, requests: i % 31, failures: 0, cost: (i * 7919) % 20_000, prompt_tokens: 1, cached_tokens: 0, completion_tokens: 1, default_price: false }));
    const left = many(1000, 'team').map(({ name }, i) => ({ key: name, enabled: true, credits: 100, spent: i % 97, balance: 100 - (i % 97), since: '2026-10-01T00:00:00Z', renewed_at: '', limits: [{ model: null, of: 'usd', limit: 5, remaining: 4, window_seconds: 86_400 }] }));
    const answer = async (request) => {
      const url = new URL(request.url());
      if (!['/v1/timeline', '/v1/overview', '/v1/costs', '/v1/keys'].includes(url.pathname)) return request.continue();
      const body = JSON.parse(await (await fetch(url, { headers: request.headers() })).text());
      if (url.pathname === '/v1/overview') Object.assign(body, { providers: url.searchParams.get('provider') ? [{ ...providers[0], channels }] : providers });
      else if (url.pathname === '/v1/costs') body.rows = costs;
      else if (url.pathname === '/v1/keys') body.keys = left;
      else if (url.searchParams.get('by') === 'attempts') body.all = many(50, 'provider').map((line) => (line.name === 'provider-37' ? { ...line, total: { ...total, requests: 264, failures: 264 } } : line));
      else if (url.searchParams.get('by') === 'model') body.all = many(10_000, 'model');
      return request.respond({ status: 200, contentType: 'application/json', body: JSON.stringify(body) });
    };
    await page.setRequestInterception(true);
    page.on('request', answer);
    await smooth('opening', async () => {
      await page.reload();
      await shows('#failing', 'provider-37');
      await shows('#totals-place .bar', '10,000');
      await charted();
    });
    await shows('#failing', '264 of 264 attempts failed (100 %)');
    await shows('#failing', 'the key has been revoked');
    assert.equal((await texts('#providers summary h3'))[0], 'provider-37');
    await shows('#totals-place .bar', '10,000');
    assert.equal((await texts('#totals tbody tr')).length, 100);
    await smooth('scrolling', async () => {
      await page.mouse.move(600, 500);
      for (let turn = 0; turn < 10; turn++) await page.mouse.wheel({ deltaY: 400 });
      await until(page, 'it is further down', () => scrollY > 1000);
      await page.evaluate(() => scrollTo(0, 0));
    });
    const filter = '[aria-label="Filter: Totals by Model"]';
    await smooth('typing', async () => {
      await page.$eval(filter, (input) => { input.value = ''; input.dispatchEvent(new Event('input')); });
      await shows('#totals-place .bar', '10,000');
      await page.type(filter, 'model-9999', { delay: 100 }); // slower than the page waits for the rest of a word
      await shows('#totals-place .bar', '1 of 10,000');
    });
    await until(page, 'the one model', () => document.querySelectorAll('#totals tbody tr').length === 1);
    await choose('views', 'Costs and limits');
    await shows('#costs-view', '1,000');
    await smooth('a table of thousands of rows', async () => {
      await page.click('#by-model');
      await shows('#costs-view', '20,000');
      await page.click('#by-model');
      await until(page, 'keys alone', () => document.querySelector('#costs').checkVisibility());
    });
    const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
    assert.ok(nodes < 10_000, `the page has ${nodes} elements`);
    await choose('views', 'Overview');
    page.off('request', answer);
    await page.setRequestInterception(false);
    await page.reload();
    await shows('#totals', 'gpt-4o-mini');
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
    await shows('#failing', 'the mock upstream was told to fail'); // the log of requests knows why, if nobody asked since
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
  'task: what a key has left, as it sees itself, and it sees nothing else': async () => {
    await page.click('#signout');
    await shows('#signin', 'API key');
    await signIn(keys.batch);
    await shows('#own-left', '$500');
    await shows('#own-left', 'requests a day left for claude-sonnet');
    await shows('#own-left', 'requests a day left for gpt-4o');
    await until(page, 'its charts', () => document.querySelectorAll('#charts canvas').length === 6);
    const [requests, , , , median, late] = await inks(page);
    assert.ok(requests > 10 && median > 10 && late > 10, 'a chart of its own is blank');
    assert.match(await text('#tiles'), /First byte, median\n\d+ ms/);
    await shows('.names', 'All requests');
    await shows('#totals', 'claude-sonnet');
    assert.ok(!(await text('#totals')).includes('llama-3.3-70b'), 'it sees what another key asked');
    const shown = () => page.evaluate(() => document.body.innerText);
    for (const name of ['north', 'Providers', 'Open requests']) assert.ok(!(await shown()).includes(name), `it sees ${name}`);
    await page.screenshot({ path: join(out, 'own.png'), fullPage: true });
    await choose('views', 'Costs and limits');
    await shows('#costs', 'batch');
    await shows('#left', '$500');
    assert.ok(!(await text('#costs-view')).includes('web'));
    await choose('views', 'Requests');
    await shows('#requests', 'claude-sonnet');
    for (const name of ['south', 'web', 'nightly']) assert.ok(!(await text('#requests')).includes(name), `it sees ${name}`);
    await page.click('#signout');
    await shows('#signin', 'API key');
    await page.evaluate(() => { location.hash = ''; });
    await page.reload();
    await signIn(keys.admin);
    await shows('#totals', 'gpt-4o-mini');
  },
  'of several instances it shows one alone': async () => {
    await page.evaluate(() => { // as they would be with a ledger in common
      const real = window.fetch;
      window.asked = [];
      window.fetch = async (url, options) => {
        const of = new URL(url);
        window.asked.push(of.pathname + of.search);
        of.searchParams.delete('instance');
        const answer = await real(of, options);
        if (!of.pathname.endsWith('/overview')) return answer;
        return new Response(JSON.stringify({ ...await answer.json(), instances: ['gate-0', 'gate-1'] }));
      };
    });
    await choose('views', 'Overview');
    await shows('#instances', 'Counted by');
    await page.select('#instance', 'gate-1');
    await until(page, 'the charts are of one', () => window.asked.some((at) => at.includes('/timeline') && at.includes('instance=gate-1')));
    await choose('views', 'Costs and limits');
    await until(page, 'the costs are of one', () => window.asked.some((at) => at.includes('/costs') && at.includes('instance=gate-1')));
    await choose('views', 'Requests');
    await until(page, 'requests are of the instance that answers', () => document.getElementById('instances').hidden);
    assert.ok(page.url().includes('instance=gate-1'), 'a reload forgets which');
    await choose('views', 'Overview');
    await page.evaluate(() => { window.asked = []; });
    await page.select('#instance', '');
    await until(page, 'the charts are of all', () => window.asked.some((at) => at.includes('/timeline') && !at.includes('instance=')));
    assert.ok(!page.url().includes('instance='), 'the address names one still');
    await page.reload(); // whose fetch is the browser's again
    await shows('#totals', 'gpt-4o-mini');
  },
  'signing out forgets the key': async () => {
    await page.click('#signout');
    await shows('#signin', 'API key');
    const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie, location.href, document.documentElement.outerHTML]));
    assert.ok(!kept.includes(keys.admin), 'the key is still there');
    await page.reload();
    await shows('#signin', 'API key');
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
