// How things stand now: the requests that are being answered, and the providers with their channels and keys.

import { el, fill } from './dom.js';
import * as format from './format.js';

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

// Providers is the list of providers, each of which can be opened.
export class Providers {
  #cards = [];

  // wake has the gateway ask what rests of a provider again, ask has it send something small to the provider with each of its keys.
  constructor(node, { wake, ask }) {
    this.node = node;
    this.does = { wake, ask };
  }

  show(providers) {
    const names = JSON.stringify(providers.map((p) => p.name));
    if (names !== this.names) { // another configuration
      this.#cards = providers.map(() => new Card(this.does));
      this.node.replaceChildren(...this.#cards.map((card) => card.details));
      this.names = names;
    }
    providers.forEach((provider, i) => this.#cards[i].show(provider));
    if (providers.length === 0) fill(this.node, el('p', { className: 'faint' }, 'api.yaml names no provider yet.'));
  }
}

const resting = (list) => list.filter((one) => one.resting).length;
const restingForSome = (list) => list.filter((one) => one.resting_alone.length || one.models?.length).length;

// Card is one provider. It opens by itself the first time that something of it rests.
class Card {
  #troubled = false;

  constructor({ wake, ask }) {
    this.summary = el('summary');
    this.said = el('span', { className: 'faint', role: 'status' });
    this.button = el('button', { className: 'quiet', type: 'button', onclick: () => this.#wake(wake) }, 'Ask again now');
    this.awake = el('p', { className: 'awake', hidden: true }, this.button, this.said);
    this.tester = el('button', { className: 'quiet', type: 'button', title: 'Costs a few tokens for each key', onclick: () => this.#ask(ask) }, 'Send a test request');
    this.answers = el('ul', { className: 'answers', role: 'status' });
    this.test = el('div', { className: 'test', hidden: true }, this.tester, this.answers);
    this.channels = el('table', {}, headings('Model', 'Upstream', 'State', 'Last error'), el('tbody'));
    this.keys = el('table', {}, headings('Key', '#Served', '#Failed', 'State', 'Last error'), el('tbody'));
    this.inside = [this.channels, this.keys].map((table) => el('div', { className: 'inside', tabIndex: 0 }, table));
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

  show(provider) {
    const { channels, keys } = provider;
    this.provider = provider;
    fill(this.summary, el('h3', {}, provider.name), el('span', { className: 'badge' }, provider.engine || 'unknown'), summaryState(provider),
      el('span', { className: 'faint sums' }, sums(channels, keys)));
    const troubled = !provider.usable || resting(channels) + resting(keys) + restingForSome(channels) + restingForSome(keys) > 0;
    if (troubled && !this.#troubled) this.details.open = true;
    if (troubled !== this.#troubled) this.said.textContent = '';
    this.awake.hidden = !provider.usable || !troubled;
    this.test.hidden = !provider.usable;
    this.#troubled = troubled;
    this.#open();
  }

  // #open fills the tables, which may be long, if they are to be seen.
  #open() {
    if (!this.details.open) return;
    const { channels, keys, usable } = this.provider;
    const list = channels.map((channel) => el('tr', {},
      el('th', { scope: 'row' }, channel.model), el('td', {}, channel.upstream_model === channel.model ? 'the same' : channel.upstream_model),
      el('td', {}, stateOf(channel)), lastError(channel)));
    fill(this.channels.tBodies[0], list.length ? list : el('tr', {}, el('td', { className: 'nothing', colSpan: 4 },
      usable ? 'No model is known yet: the provider is being asked for its list.' : 'This provider was left out when the configuration was read. The log says why.')));
    fill(this.keys.tBodies[0], keys.map((key) => el('tr', {},
      el('th', { scope: 'row' }, el('code', {}, key.key || format.none)), el('td', { className: 'number' }, format.count(key.served)),
      el('td', { className: 'number' }, format.count(key.failed)), el('td', {}, stateOfKey(key)), lastError(key))));
    this.inside[1].hidden = keys.length === 0;
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

// stateOfKey is also of the models for which alone it rests: limits and quotas are counted for each.
function stateOfKey(key) {
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

function summaryState(provider) {
  const { channels, keys } = provider;
  if (!provider.usable) return el('span', { className: 'state broken' }, 'left out');
  const channelsRest = resting(channels);
  const keysRest = resting(keys);
  if ((channels.length && channelsRest === channels.length) || (keys.length && keysRest === keys.length)) return el('span', { className: 'state broken' }, 'cooling');
  if (channelsRest + keysRest + restingForSome(channels) + restingForSome(keys)) return el('span', { className: 'state resting' }, 'partly cooling');
  return el('span', { className: 'state' }, 'ready');
}

function sums(channels, keys) {
  const some = (list, word) => {
    const rest = resting(list);
    return `${format.count(list.length)} ${word}${list.length === 1 ? '' : 's'}${rest ? ` (${format.count(rest)} cooling)` : ''}`;
  };
  return keys.length ? `${some(channels, 'model')} · ${some(keys, 'key')}` : some(channels, 'model');
}

function lastError(one) {
  if (!one.last_error) return el('td', { className: 'wide' }, format.none);
  return el('td', { className: 'wide' }, el('span', { className: 'faint' }, `${format.moment(one.last_error_at)} · `), one.last_error);
}
