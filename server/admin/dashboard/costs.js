// What each key has cost in a month, and what is left to it; which models have no price of their own.

import { el, fill } from './dom.js';
import * as format from './format.js';
import { Grid } from './grid.js';

const monthsBack = 13;
const pageRows = 20; // so that the next table is not far

// months are the last ones, this one first, as 2026-10.
export function months(now) {
  const at = new Date(now * 1000);
  return Array.from({ length: monthsBack }, (_, i) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - i, 1)).toISOString().slice(0, 7));
}

const dollars = (n) => format.dollars(n);
const name = (title, of) => ({ title, of, write: (text) => el('span', { className: 'named', title: text }, el('span', {}, text || format.none)) });
const figure = (title, of, write = format.count) => ({ title, of, write, number: true });

const windows = new Map([[1, 'a second'], [60, 'a minute'], [3600, 'an hour'], [86_400, 'a day'], [2_592_000, 'a month'], [31_536_000, 'a year'], [0, 'at once']]);
const amount = (limit, n) => (limit.of === 'usd' ? format.dollars(n) : format.count(n));
const counted = { usd: '', concurrent: ' requests' };
// limitWords is a limit in a line: what is left of what.
export const limitWords = (limit) => `${amount(limit, limit.remaining)} of ${amount(limit, limit.limit)}${counted[limit.of] ?? ` ${limit.of}`} `
  + `${windows.get(limit.window_seconds) ?? `in ${format.duration(limit.window_seconds)}`} left${limit.model ? ` for ${limit.model}` : ''}`;

export const leftColumns = [
  name('Key', (k) => k.key),
  { title: 'May ask', of: (k) => (k.enabled ? 'yes' : 'no'), bad: (text) => text === 'no' },
  figure('Credits', (k) => k.credits ?? Infinity, (n) => (n === Infinity ? 'no limit' : dollars(n))),
  figure('Spent', (k) => k.spent, dollars),
  { title: 'Since', of: (k) => k.since || format.none, write: (at) => (at === format.none ? at : format.moment(Date.parse(at) / 1000)) },
  { ...figure('Left', (k) => k.balance ?? Infinity, (n) => (n === Infinity ? 'no limit' : dollars(n))), bad: (n) => n <= 0 },
  { title: 'Begins anew', of: (k) => k.renewed_at || format.none, write: (at) => (at === format.none ? at : format.moment(Date.parse(at) / 1000)) },
  { title: 'Limits', of: (k) => k.limits.map(limitWords).join('; ') || 'none', wide: true, write: (text, k) => (k.limits.length ? el('span', {}, k.limits.map((limit) => el('div', {}, limitWords(limit)))) : text) },
];

// Costs is the view.
export class Costs {
  #asked = 0;

  constructor(node, ask, clock) {
    Object.assign(this, { node, ask, clock });
    this.month = el('select', { id: 'month', 'aria-label': 'Month', onchange: () => this.open() });
    this.byModel = el('input', { type: 'checkbox', id: 'by-model', onchange: () => this.#draw() });
    this.said = el('p', { className: 'faint', role: 'status' });
    this.keys = new Grid({ id: 'costs', label: 'Cost by key', sorted: 3, page: pageRows, empty: 'Nothing was asked in this month. Choose another one above.', columns: [
      name('Key', (r) => r.key), figure('Requests', (r) => r.requests), figure('Failed', (r) => r.failures), figure('Cost', (r) => r.cost, dollars),
      figure('Month before', (r) => r.before, dollars), figure('Tokens in', (r) => r.prompt_tokens), figure('Cached', (r) => r.cached_tokens), figure('Tokens out', (r) => r.completion_tokens)] });
    this.models = new Grid({ id: 'costs-models', label: 'Cost by key and model', sorted: 4, page: pageRows, empty: 'Nothing was asked in this month. Choose another one above.', columns: [
      name('Key', (r) => r.key), name('Model', (r) => r.model), figure('Requests', (r) => r.requests), figure('Failed', (r) => r.failures), figure('Cost', (r) => r.cost, dollars),
      figure('Tokens in', (r) => r.prompt_tokens), figure('Cached', (r) => r.cached_tokens), figure('Tokens out', (r) => r.completion_tokens),
      { title: 'Price', of: (r) => (r.default_price ? 'default price' : ''), write: (text) => (text ? el('span', { className: 'badge' }, text) : '') }] });
    this.left = new Grid({ id: 'left', label: 'What is left to keys', sorted: 5, descending: false, page: pageRows, columns: leftColumns });
    this.unpriced = new Grid({ id: 'unpriced', label: 'Models without a price', sorted: 2, page: pageRows, columns: [
      name('Model', (r) => r.model), { title: 'Providers', of: (r) => r.providers.join(', '), wide: true }, figure('Cost in this month', (r) => r.cost, dollars), { title: 'Charged per million tokens', of: (r) => r.price, write: (price) => `${price.split(',').slice(0, 2).map((n) => `$${n}`).join(' in, ')} out` }],
      empty: 'Every model has a price, in model_price or in the list prices.' });
    this.unpricedPart = el('section', {}, el('h2', {}, 'Models without a price'),
      el('p', { className: 'faint' }, 'Neither model_price nor the list prices know these, so they are charged the default price. Give each a line under preferences: model_price: in api.yaml.'), this.unpriced.node);
    fill(node, el('div', { className: 'heading' }, el('h2', {}, 'Cost'), this.month, el('label', { className: 'check' }, this.byModel, ' by model too'), this.said),
      this.keys.node, this.models.node, el('h2', {}, 'Credits and limits'), this.left.node, this.unpricedPart);
    this.models.node.hidden = true;
  }

  // open asks for what it shows.
  async open(admin = this.admin) {
    this.admin = admin;
    this.unpricedPart.hidden = !admin;
    const list = months(this.clock.now());
    fill(this.month, list.map((month) => el('option', { value: month }, month)));
    const { value } = this.month;
    const asked = ++this.#asked;
    const before = months(Date.parse(`${value}-02T00:00:00Z`) / 1000)[1];
    const [now, then, left, overview] = await Promise.all([this.ask('costs', { month: value }), this.ask('costs', { month: before }), this.ask('keys', {}), admin ? this.ask('overview', {}) : null]);
    if (asked !== this.#asked) return; // another month was chosen meanwhile
    this.data = { now, then, left, overview };
    this.#draw();
  }

  #draw() {
    if (!this.data) return;
    const { now, then, left, overview } = this.data;
    this.keys.node.hidden = this.byModel.checked;
    this.models.node.hidden = !this.byModel.checked;
    const sum = now.rows.reduce((all, row) => all + row.cost, 0);
    this.said.textContent = `${format.dollars(sum)} in all. Months are in UTC.`;
    if (this.byModel.checked) this.models.show(now.rows);
    else this.keys.show(byKey(now.rows, then.rows));
    this.left.show(left.keys);
    if (!overview) return;
    const without = unpriced(overview, now.rows);
    this.unpriced.show(without);
    const first = this.node.firstChild === this.unpricedPart;
    if (without.length && !first) this.node.prepend(this.unpricedPart); // it is something to do
    else if (!without.length && first) this.node.append(this.unpricedPart);
  }
}

function byKey(rows, before) {
  const keys = new Map();
  const of = (row) => {
    if (!keys.has(row.key_id)) keys.set(row.key_id, { key: row.key, requests: 0, failures: 0, cost: 0, before: 0, prompt_tokens: 0, cached_tokens: 0, completion_tokens: 0 });
    return keys.get(row.key_id);
  };
  for (const row of rows) {
    const key = of(row);
    for (const what of ['requests', 'failures', 'cost', 'prompt_tokens', 'cached_tokens', 'completion_tokens']) key[what] += row[what];
  }
  for (const row of before) of(row).before += row.cost;
  return [...keys.values()];
}

function unpriced(overview, rows) {
  const models = new Map();
  for (const provider of overview.providers) {
    for (const channel of provider.channels.filter((one) => one.default_price)) {
      const model = models.get(channel.model) ?? { model: channel.model, providers: [], cost: 0, price: channel.price };
      if (!model.providers.includes(provider.name)) model.providers.push(provider.name);
      models.set(channel.model, model);
    }
  }
  for (const row of rows) if (models.has(row.model)) models.get(row.model).cost += row.cost;
  return [...models.values()];
}
