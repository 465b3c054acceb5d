// The requests that request_log has kept: searched, and each opened with all that is known of it.

import { el, fill } from './dom.js';
import * as format from './format.js';
import { Grid } from './grid.js';
import { opened, parts } from './request.js';
import { said } from './said.js';

const atOnce = 500;

const field = (name, label, more = {}) => [name, el('input', { name, 'aria-label': label, placeholder: label, autocomplete: 'off', spellcheck: false, ...more })];
const dated = new Map([['start', 'From'], ['end', 'Until']]); // fields that a placeholder cannot name
// local is a time as <input type=datetime-local> has it.
const local = (seconds) => {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
};

// Requests is the view.
export class Requests {
  #list = [];
  #next = '';
  #asked = 0;

  constructor(node, ask) {
    this.ask = ask;
    this.inputs = new Map([field('id', 'Id'), field('key', 'Key'), field('model', 'Model'), field('provider', 'Provider'), field('status', 'Status: 429, 5xx'), field('q', 'Words in it'),
      ...[...dated].map(([name, label]) => field(name, label, { type: 'datetime-local', step: 1 }))]);
    this.failed = el('input', { type: 'checkbox' });
    this.form = el('form', { className: 'filters', onsubmit: (event) => { event.preventDefault(); this.search(); } }, ...[...this.inputs].map(([name, input]) => (dated.has(name) ? el('label', { className: 'dated' }, `${dated.get(name)} `, input) : input)),
      el('label', { className: 'check' }, this.failed, ' failed only'), el('button', { className: 'quiet' }, 'Search'),
      el('button', { className: 'quiet', type: 'button', onclick: () => this.open({}) }, 'Clear'));
    this.said = el('p', { className: 'trouble mild', role: 'status', hidden: true });
    this.grid = new Grid({ id: 'requests', label: 'Requests', sorted: 0, search: false, pick: (row) => this.#show(row), empty: 'No request that was kept is like that. Clear a field, or choose other times.', columns: [
      { title: 'Ended', of: (r) => r.time, write: (time) => format.moment(Date.parse(time) / 1000) },
      { title: 'Status', of: (r) => r.status, number: true, bad: (n) => n >= 400 && n !== 499, write: String },
      { title: 'Model', of: (r) => r.model }, { title: 'Key', of: (r) => r.key ?? '' }, { title: 'Provider', of: (r) => r.provider ?? '' },
      { title: 'Attempts', of: (r) => r.attempts?.length ?? 0, number: true, bad: (n) => n > 1, write: (n) => (n ? String(n) : format.none) },
      { title: 'First byte', of: (r) => r.first_byte_ms ?? 0, number: true, write: format.milliseconds },
      { title: 'Lost in attempts', of: (r) => r.lost_ms ?? 0, number: true, write: format.milliseconds },
      { title: 'Whole', of: (r) => r.ms, number: true, write: format.milliseconds },
      { title: 'Tokens', of: (r) => (r.prompt_tokens ?? 0) + (r.completion_tokens ?? 0), number: true, write: format.count },
      { title: 'Cost', of: (r) => r.cost ?? 0, number: true, write: format.dollars },
      { title: 'Id', of: (r) => r.id, write: (id) => el('code', {}, id) }, { title: 'Error', of: (r) => r.error ?? '', wide: true }] });
    this.more = el('button', { className: 'quiet', type: 'button', hidden: true, onclick: () => this.search(this.#next) }, 'Earlier ones');
    this.parts = el('section', { id: 'parts' });
    this.one = el('section', { id: 'request', tabIndex: -1, hidden: true });
    fill(node, el('h2', {}, 'Requests'));
    node.append(this.form, this.said, this.one, this.parts, this.grid.node, this.more);
  }

  // open looks for what a chart or a provider leads to: key, model, provider, failed, start and end in seconds.
  open(wanted) {
    for (const [name, input] of this.inputs) {
      const value = wanted[name] ?? '';
      input.value = (name === 'start' || name === 'end') && value !== '' ? local(value) : value;
    }
    this.failed.checked = Boolean(wanted.failed);
    return this.search();
  }

  set admin(admin) {
    this.seesAll = admin;
    for (const name of ['key', 'provider']) this.inputs.get(name).hidden = !admin;
  }

  async search(from = '') {
    if (this.inputs.get('id').value.trim()) this.#idAlone();
    const query = { limit: atOnce };
    for (const [name, input] of this.inputs) {
      const value = input.value.trim();
      if (!value) continue;
      if (name === 'start' || name === 'end') query[`${name}_datetime`] = Math.floor(new Date(value).getTime() / 1000);
      else query[name] = value;
    }
    if (this.failed.checked) query.failed = true;
    if (from) query.from = from;
    const asked = ++this.#asked;
    this.one.hidden = true;
    let found;
    try {
      found = await this.ask('requests', query);
    } catch (error) {
      if (error.denied) throw error;
      this.#say(error.message);
      return;
    }
    if (asked !== this.#asked) return;
    this.#list = from ? [...this.#list, ...found.requests] : found.requests;
    this.#next = found.next ?? '';
    this.more.hidden = !this.#next;
    const { level, dropped, strangers, error } = found.state;
    if (level === 'off') this.#say('Requests are not kept. This line in api.yaml turns it on, without a restart: preferences: {request_log: metadata} (or request_log: metadata below the preferences: that you have).');
    else {
      this.#say([
        error,
        dropped && `The disk did not take ${format.count(dropped)} requests since the start.`,
        strangers && `${format.count(strangers)} requests without a valid key were too many to be kept since the start.`,
      ].filter(Boolean).join(' '));
    }
    this.grid.show(this.#list);
    fill(this.parts, parts(this.#list));
    if (this.inputs.get('id').value && this.#list.length === 1) this.#show(this.#list[0]);
  }

  // #idAlone empties the other fields: an id says which request is meant, and what an earlier search was narrowed to would hide it.
  #idAlone() {
    for (const [name, input] of this.inputs) if (name !== 'id') input.value = '';
    this.failed.checked = false;
  }

  #say(text) {
    this.said.hidden = !text;
    this.said.textContent = text;
  }

  #show(request) {
    this.one.replaceChildren(opened(request, () => { this.one.hidden = true; }));
    this.one.hidden = false;
    this.one.scrollIntoView({ block: 'nearest' });
    this.one.focus({ preventScroll: true });
    if (this.seesAll) this.#tell(request).catch((error) => this.#say(error.message));
  }

  // #tell shows what was said, too, if that was kept.
  async #tell({ id, time }) {
    const card = this.one.firstChild;
    const { requests } = await this.ask('requests', { id, bodies: true });
    const exchange = requests.find((r) => r.time === time)?.exchange;
    if (exchange && card.isConnected) card.append(said(exchange, () => this.#save(id)));
  }

  async #save(id) {
    const capture = await this.ask('requests', { id, capture: true });
    const url = URL.createObjectURL(new Blob([JSON.stringify(capture, null, 2), '\n'], { type: 'application/json' }));
    el('a', { href: url, download: `capture-${id.replace(/[^A-Za-z0-9._-]+/g, '-')}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}
