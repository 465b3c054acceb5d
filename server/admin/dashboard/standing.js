// How things stand now: the requests that are being answered, and the providers with their channels and keys.

import { tableButton } from './csv.js';
import { el, fill } from './dom.js';
import { fails, reasons, worstFirst } from './failing.js';
import * as format from './format.js';
import { Grid } from './grid.js';

// Clock is the gateway's time, which the viewer's may differ from.
export class Clock {
  #ahead = 0;

  set(now) {
    this.#ahead = now - Date.now() / 1000;
  }

  now() {
    return Date.now() / 1000 + this.#ahead;
  }
}

// tick rewrites what changes by itself: how long something has gone on, and how long it will.
export function tick(clock) {
  for (const node of document.querySelectorAll('[data-since]')) {
    node.textContent = format.duration(clock.now() - Number(node.dataset.since));
  }
  for (const node of document.querySelectorAll('[data-until]')) {
    const left = Number(node.dataset.until) - clock.now();
    node.textContent = left > 0 ? `cooling, ${format.duration(Math.ceil(left))} more` : 'being tried again';
  }
}

const headings = (...titles) => el('thead', {}, el('tr', {}, titles.map((title) => {
  const number = title.startsWith('#');
  return el('th', { scope: 'col', className: number ? 'number' : '' }, number ? title.slice(1) : title);
})));

// openRequests lists what is under way.
export function openRequests(table, live) {
  if (!table.tHead) table.append(headings('Open for', 'Model', 'Channel', 'Key', '#First byte', '#Sent', 'Kind', 'Id'), el('tbody'));
  const rows = live.requests.map((request) => el('tr', {},
    el('td', {}, el('span', { 'data-since': request.since })),
    el('th', { scope: 'row' }, el('span', { className: 'named', title: request.model }, el('span', {}, request.model || format.none))),
    el('td', {}, channelOf(request)),
    el('td', {}, request.key || format.none),
    el('td', { className: 'number' }, request.first_byte_ms ? format.milliseconds(request.first_byte_ms) : 'waiting'),
    el('td', { className: 'number' }, request.stream ? format.bytes(request.bytes) : format.none),
    el('td', {}, request.stream ? 'stream' : 'whole'),
    el('td', {}, el('code', {}, request.id))));
  if (rows.length === 0) rows.push(el('tr', {}, el('td', { className: 'nothing', colSpan: 8 }, 'No request is being answered at this moment.')));
  table.tBodies[0].replaceChildren(...rows);
}

function channelOf(request) {
  if (!request.provider) return 'being chosen';
  const again = request.attempt > 1 ? `, attempt ${request.attempt}` : '';
  return (request.upstream_model === request.model ? request.provider : `${request.provider} → ${request.upstream_model}`) + again;
}

// priceOf shows where a model costs the default price, since nobody has said another.
function priceOf(channel) {
  const title = `${channel.price} dollars per million tokens`;
  return channel.default_price
    ? el('span', { className: 'badge', title: `${title}: neither model_price nor the list prices have the model` }, 'default price')
    : el('span', { title }, channel.price.split(',').slice(0, 2).join(' / '));
}

const mostCards = 60; // providers that are shown at once

// Providers is the list of providers, each of which can be opened. Those that fail come first.
export class Providers {
  #cards = new Map();
  #tried = new Map();
  #most = mostCards;

  // wake has the gateway ask what rests of a provider again, ask has it send something small to the provider with each of its keys, look
  // gets all of a provider's channels.
  constructor(node, does) {
    this.does = does;
    this.search = el('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter: providers', oninput: () => this.#draw() });
    this.more = el('button', { className: 'quiet', type: 'button', onclick: () => { this.#most += mostCards; this.#draw(); } }, 'More providers');
    this.list = el('div', { className: 'providers' });
    node.replaceChildren(this.search, this.list, this.more);
  }

  // show takes what there was of attempts, by provider.
  show(providers, tried) {
    this.providers = providers;
    this.#tried = tried;
    this.#draw();
  }

  #draw() {
    if (!this.providers) return;
    const words = this.search.value.trim().toLowerCase();
    const found = worstFirst(this.providers, this.#tried).filter((p) => !words || p.name.toLowerCase().includes(words) || p.engine.includes(words));
    const shown = found.slice(0, this.#most);
    this.more.hidden = found.length <= shown.length;
    const cards = shown.map((provider) => {
      const nth = `${provider.name}\0${this.providers.indexOf(provider)}`; // names need not differ
      if (!this.#cards.has(nth)) this.#cards.set(nth, new Card(this.does));
      const card = this.#cards.get(nth);
      card.show(provider, this.#tried.get(provider.name));
      return card.details;
    });
    if (this.list.childNodes.length !== cards.length || cards.some((card, i) => this.list.childNodes[i] !== card)) this.list.replaceChildren(...cards);
    if (shown.length === 0) fill(this.list, el('p', { className: 'faint' }, words ? 'No provider has these words in its name.' : 'api.yaml names no provider yet: add one under providers:, or run uni-api init.'));
  }
}

// Rests is the table of what rests now.
export class Rests {
  constructor(node, wake) {
    this.node = node;
    this.grid = new Grid({ id: 'rests', label: 'What rests', sorted: 4, columns: [
      { title: 'Provider', of: (r) => r.provider }, { title: 'What', of: (r) => r.what }, { title: 'For', of: (r) => r.whom },
      { title: 'Failed last', of: (r) => r.since, number: true, write: (at) => (at ? format.moment(at) : format.none) },
      { title: 'Until', of: (r) => r.until, number: true, write: (at) => el('span', { 'data-until': at }) },
      { title: 'Why', of: (r) => r.why, wide: true },
      { title: '', of: () => '', write: (_, r) => el('button', { className: 'quiet', type: 'button', 'data-row': r.number }, 'Ask again now') }] });
    node.append(this.grid.node);
    node.addEventListener('click', async (event) => {
      const button = event.target.closest('tbody button');
      if (!button) return;
      button.disabled = true;
      const row = this.rows[Number(button.dataset.row)];
      if (!row) return;
      try {
        await wake(row.provider, row.wakes);
      } catch (error) {
        button.textContent = error.message;
      }
    });
  }

  show(providers) {
    this.rows = providers.flatMap(restsOf);
    this.node.hidden = this.rows.length === 0;
    this.rows.forEach((row, i) => { row.number = String(i); });
    this.grid.show(this.rows);
  }
}

// restsOf are the rests of a provider, as rows.
function restsOf(provider) {
  const rows = [];
  const add = (one, what, wakes) => {
    if (one.resting) rows.push({ provider: provider.name, what, whom: 'all', since: one.last_error_at, until: one.resting_until, why: one.last_error, wakes });
    for (const alone of one.resting_alone) rows.push({ provider: provider.name, what, whom: `key ${alone.key}`, since: one.last_error_at, until: alone.until, why: alone.reason, wakes });
  };
  for (const channel of provider.channels) add(channel, `model ${channel.model}`, { model: channel.model });
  provider.keys.forEach((key, i) => {
    add(key, `key ${key.key || i + 1}`, { key: i + 1 });
    for (const model of key.models) add(model, `key ${key.key || i + 1} for ${model.upstream_model}`, { key: i + 1, model: model.upstream_model });
  });
  return rows;
}

const resting = (list) => list.filter((one) => one.resting).length;
const restingForSome = (list) => list.filter((one) => one.resting_alone.length || one.models?.length).length;

// Card is one provider. It opens by itself the first time that something of it rests.
class Card {
  #troubled = false;

  constructor({ wake, ask, look }) {
    this.look = look;
    this.summary = el('summary');
    this.said = el('span', { className: 'faint', role: 'status' });
    this.button = el('button', { className: 'quiet', type: 'button', onclick: () => this.#wake(wake) }, 'Ask again now');
    this.awake = el('p', { className: 'awake', hidden: true }, this.button, this.said);
    this.tester = el('button', { className: 'quiet', type: 'button', title: 'Costs a few tokens for each key', onclick: () => this.#ask(ask) }, 'Send a test request');
    this.answers = el('ul', { className: 'answers', role: 'status' });
    this.test = el('div', { className: 'test', hidden: true }, this.tester, this.answers);
    this.reasons = el('div', { className: 'inside why', hidden: true });
    this.channels = new Grid({ label: 'Models', sorted: 0, descending: false, empty: 'No model is known yet: the provider is being asked for its list.', columns: [
      { title: 'Model', of: (c) => c.model }, { title: 'Upstream', of: (c) => (c.upstream_model === c.model ? 'the same' : c.upstream_model) },
      { title: 'Price', of: (c) => c.price, write: (_, c) => priceOf(c) }, { title: 'State', of: (c) => (c.resting ? 'cooling' : c.last_error && fails(this.tried) ? 'failing' : 'ready'), write: (_, c) => (!c.resting && !c.resting_alone.length && c.last_error && fails(this.tried) ? failingNow() : stateOf(c)) },
      { title: 'Last error', of: (c) => c.last_error, wide: true, write: (_, c) => lastError(c) }] });
    this.keys = el('table', {}, headings('Key', '#Served', '#Failed', 'State', 'Last error'), el('tbody'));
    this.inside = [this.reasons, el('div', { className: 'inside', tabIndex: 0 }, this.channels.node), el('div', { className: 'inside', tabIndex: 0 }, el('div', { className: 'bar' }, tableButton('Keys', this.keys)), this.keys)];
    this.details = el('details', { className: 'card provider', ontoggle: () => this.#open() }, this.summary, this.awake, this.test, this.inside);
  }

  async #wake(wake) {
    this.button.disabled = true;
    try {
      const woken = await wake(this.provider.name);
      this.said.textContent = woken ? `${format.count(woken)} ${woken === 1 ? 'rest was' : 'rests were'} ended; the next request asks again.` : 'Nothing rested any more.';
    } catch (error) {
      this.said.textContent = error.message;
    }
    this.button.disabled = false;
  }

  // #ask shows what the provider answers with each of its keys.
  async #ask(ask) {
    this.tester.disabled = true;
    this.answers.replaceChildren(el('li', { className: 'faint' }, 'Waiting for the provider…'));
    try {
      this.answers.replaceChildren(...(await ask(this.provider.name)).map(answered));
    } catch (error) {
      this.answers.replaceChildren(el('li', { className: 'bad' }, error.message));
    }
    this.tester.disabled = false;
  }

  show(provider, tried) {
    const { channels, keys } = provider;
    this.provider = provider;
    this.tried = tried;
    fill(this.summary, el('h3', {}, provider.name), el('span', { className: 'badge' }, provider.engine || 'unknown'), summaryState(provider, tried),
      el('span', { className: 'faint sums' }, sums(provider, tried)));
    const troubled = !provider.usable || resting(channels) + resting(keys) + restingForSome(channels) + restingForSome(keys) > 0;
    if (troubled && !this.#troubled) this.details.open = true;
    if (troubled !== this.#troubled) this.said.textContent = '';
    this.awake.hidden = !provider.usable || !troubled;
    this.test.hidden = !provider.usable;
    this.#troubled = troubled;
    this.#open();
  }

  // #open fills the tables, which may be long, if they are to be seen. The channels are asked for then.
  async #open() {
    if (!this.details.open) return;
    const { name, keys, usable } = this.provider;
    this.reasons.hidden = !this.provider.reasons.length;
    fill(this.reasons, this.provider.reasons.length ? reasons(this.provider) : '');
    if (!usable) fill(this.reasons, el('p', { className: 'faint' }, 'This provider was left out when the configuration was read. The log says why, and so does the top of this page.'));
    if (!usable) this.reasons.hidden = false;
    this.inside[1].hidden = !usable;
    fill(this.keys.tBodies[0], keys.map((key) => el('tr', {},
      el('th', { scope: 'row' }, el('code', {}, key.key || format.none)), el('td', { className: 'number' }, format.count(key.served)),
      el('td', { className: 'number' }, format.count(key.failed)), el('td', {}, stateOfKey(key)), el('td', { className: 'wide' }, lastError(key)))));
    this.inside[2].hidden = keys.length === 0;
    if (!usable || this.looking) return;
    this.looking = true;
    try {
      const found = await this.look(name);
      if (found) this.channels.show(found.channels);
    } catch {
      // The next round tries again, and the page says that the gateway cannot be reached.
    }
    this.looking = false;
  }
}

// answered is a line of what came of a test request.
function answered(one) {
  if (one.left_out) return el('li', { className: 'faint' }, one.left_out);
  const who = [one.key, one.model].filter(Boolean).join(', ');
  const how = `${one.status || 'no answer'}, ${format.milliseconds(one.seconds * 1000)}`;
  if (one.good) return el('li', {}, el('span', { className: 'state' }, 'good'), ` ${who}: ${how}`);
  return el('li', {}, el('span', { className: 'state broken' }, 'failed'), ` ${who}: ${how}. ${one.error}`, one.address ? ` (asked at ${one.address})` : '');
}

function stateOf(one) {
  if (!one.resting && one.resting_alone.length) return readyButFor(one.resting_alone);
  if (!one.resting) return el('span', { className: 'state' }, 'ready');
  return el('span', { className: 'state resting' }, el('span', { 'data-until': one.resting_until }, 'cooling'));
}

const failingNow = () => el('span', { className: 'state broken' }, 'failing');

// stateOfKey is also of the models for which alone it rests: limits and quotas are counted for each.
function stateOfKey(key) {
  if (!key.resting && !key.resting_alone.length && fails({ failures: key.failed, requests: key.served + key.failed })) return failingNow();
  if (key.resting || key.resting_alone.length || !key.models.length) return stateOf(key);
  return readyButFor(key.models.map((one) => ({
    key: one.upstream_model, reason: one.last_error, until: one.resting ? one.resting_until : one.resting_alone[0].until,
  })));
}

const mostNamed = 3; // client keys, or models, in one cell

// readyButFor is the state of what is well for all but these client keys, whose failures no other has met, or these models.
function readyButFor(clients) {
  const more = clients.length - mostNamed;
  return el('span', { className: 'state resting' }, 'ready, but ',
    clients.slice(0, mostNamed).map((client, i) => el('span', { title: client.reason },
      `${i ? ', ' : ''}for ${client.key} `, el('span', { 'data-until': client.until }, 'cooling'))),
    more > 0 ? ` and for ${format.count(more)} others` : '');
}

function summaryState(provider, tried) {
  const { channels, keys } = provider;
  if (!provider.usable) return el('span', { className: 'state broken' }, 'left out');
  const channelsRest = resting(channels);
  const keysRest = resting(keys);
  if (fails(tried)) return el('span', { className: 'state broken' }, 'failing');
  if ((provider.models && channelsRest === provider.models) || (keys.length && keysRest === keys.length)) return el('span', { className: 'state broken' }, 'cooling');
  if (channelsRest + keysRest + restingForSome(channels) + restingForSome(keys)) return el('span', { className: 'state resting' }, 'partly cooling');
  return el('span', { className: 'state' }, 'ready');
}

function sums({ models, channels, keys }, tried) {
  const some = (count, rest, word) => `${format.count(count)} ${word}${count === 1 ? '' : 's'}${rest ? ` (${format.count(rest)} cooling)` : ''}`;
  return [tried?.requests ? `${format.count(tried.failures)} of ${format.count(tried.requests)} attempts failed` : 'not asked in this range', some(models, resting(channels), 'model'),
    keys.length ? some(keys.length, resting(keys), 'key') : ''].filter(Boolean).join(' · ');
}

// lastError is what went wrong last, and when.
function lastError(one) {
  if (!one.last_error) return format.none;
  return el('span', {}, el('span', { className: 'faint' }, `${format.moment(one.last_error_at)} · `), one.last_error);
}
