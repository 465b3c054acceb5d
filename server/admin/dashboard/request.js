// One request with all that is known of it, and where the time of many went.

import { way } from './charts.js';
import { tableButton } from './csv.js';
import { el } from './dom.js';
import * as format from './format.js';

const quantile = (sorted, q) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : 0);

// timesOf are the parts of the time to the first byte.
const timesOf = (r) => ({ whole: r.first_byte_ms, own: r.own_ms ?? 0, lost: r.lost_ms ?? 0, provider: Math.max(0, r.first_byte_ms - (r.own_ms ?? 0) - (r.lost_ms ?? 0)) });

const partNames = [['own', 'The gateway itself'], ['lost', 'Failed attempts before'], ['provider', 'The provider that answered'], ['whole', 'Time to the first byte']];

// parts tells where the time to the first byte went in a list of requests.
export function parts(list) {
  const answered = list.filter((r) => r.first_byte_ms && r.attempts?.length);
  const times = answered.map(timesOf);
  if (!times.length) return [];
  const slow = times.toSorted((a, b) => b.whole - a.whole).slice(0, Math.max(1, Math.ceil(times.length / 20)));
  const rows = partNames.map(([part, label]) => {
    const sorted = times.map((t) => t[part]).toSorted((a, b) => a - b);
    const mean = slow.reduce((sum, t) => sum + t[part], 0) / slow.length;
    return el('tr', {}, el('th', { scope: 'row' }, label), ...[quantile(sorted, 0.5), quantile(sorted, 0.95), mean].map((ms) => el('td', { className: 'number' }, ms ? format.milliseconds(ms) : '0 ms')));
  });
  return [...timesTable('breakdown', el('h2', {}, `Where the time to the first byte went, in ${format.count(times.length)} of these requests`),
    ['Part', 'Median', '95th percentile', 'In the slowest 5 %'], rows), lostAt(list), ...slowAt(answered)];
}

// timesTable is a table of figures below its heading.
function timesTable(id, heading, titles, rows) {
  const table = el('table', { id }, el('thead', {}, el('tr', {}, titles.map((title, i) => el('th', { scope: 'col', className: i ? 'number' : '' }, title)))), el('tbody', {}, rows));
  return [el('div', { className: 'heading' }, heading, tableButton(heading.textContent, table)), el('div', { className: 'card scroll', tabIndex: 0, role: 'region', 'aria-label': heading.textContent }, table)];
}

const mostSlow = 8; // providers

// slowAt tells which providers took longer than is usual, and which part of what was lost by that each has.
function slowAt(answered) {
  const by = Map.groupBy(answered.filter((r) => r.provider), (r) => r.provider);
  if (by.size === 0) return [];
  const usual = quantile(answered.map((r) => timesOf(r).provider).toSorted((a, b) => a - b), 0.5);
  const rows = [...by].map(([name, requests]) => {
    const sorted = requests.map((r) => timesOf(r).provider).toSorted((a, b) => a - b);
    return { name, sorted, late: sorted.reduce((sum, ms) => sum + Math.max(0, ms - usual), 0) };
  }).toSorted((a, b) => b.late - a.late);
  const late = rows.reduce((sum, row) => sum + row.late, 0);
  return [...timesTable('slow', el('h3', {}, 'Which providers were slower than the median of all'), ['Provider', 'Requests', 'Median', '95th percentile', 'Its part of the delay'],
    rows.slice(0, mostSlow).map((row) => el('tr', {}, el('th', { scope: 'row' }, row.name),
      ...[format.count(row.sorted.length), format.milliseconds(quantile(row.sorted, 0.5)), format.milliseconds(quantile(row.sorted, 0.95)), format.percent(row.late, late)].map((text) => el('td', { className: 'number' }, text))))),
    rows.length > mostSlow ? el('p', { className: 'faint' }, `${format.count(rows.length - mostSlow)} more providers have the rest.`) : ''];
}

// lostAt tells which failed attempts took the time.
function lostAt(list) {
  const by = new Map();
  for (const r of list) {
    for (const a of r.attempts ?? []) {
      if (a.status < 400 || a.outrun) continue;
      const name = `${a.provider}: ${a.status}`;
      const at = by.get(name) ?? { name, count: 0, ms: 0, error: a.error };
      at.count++;
      at.ms += a.ms;
      by.set(name, at);
    }
  }
  const worst = [...by.values()].toSorted((a, b) => b.ms - a.ms).slice(0, 5);
  return worst.length ? el('ul', { className: 'reasons', id: 'lost' }, worst.map((at) => el('li', {}, el('b', {}, at.name), ` ${format.count(at.count)}×, ${format.milliseconds(at.ms / at.count)} each. ${at.error ?? ''}`))) : '';
}

// opened is one request.
export function opened(r, close) {
  const fact = (what, value) => (value ? el('div', {}, el('dt', {}, what), el('dd', {}, value)) : '');
  const head = el('div', { className: 'bar' }, el('h2', {}, 'Request ', el('code', {}, r.id)), el('span', { className: `state${r.status >= 400 ? ' broken' : ''}` }, String(r.status)),
    el('button', { className: 'quiet', type: 'button', onclick: close }, 'Close'));
  const tokens = r.prompt_tokens || r.completion_tokens
    ? `${format.count(r.prompt_tokens ?? 0)} in${r.cached_tokens ? ` (${format.count(r.cached_tokens)} from a cache)` : ''}, ${format.count(r.completion_tokens ?? 0)} out${r.estimated ? ', estimated' : ''}` : '';
  return el('div', { className: 'card one' }, head,
    el('dl', { className: 'facts' },
      fact('Ended', `${format.moment(Date.parse(r.time) / 1000)}`), fact('Key', r.key), fact('Model', r.model), fact('Endpoint', r.endpoint), fact('Kind', r.stream ? 'stream' : 'whole'),
      fact('Provider', r.provider && `${r.provider} → ${r.upstream_model}`), fact('Tokens', tokens), fact('Cost', format.dollars(r.cost ?? 0)), fact('Client', r.client),
      fact('Gone on elsewhere', r.continued && `${r.continued}×`)),
    r.error ? el('p', { className: 'trouble' }, [r.error, r.detail].filter(Boolean).join(' ')) : '',
    timeBar(r), attempts(r), flow(r));
}

// timeBar is where a request's time went.
function timeBar(r) {
  const answering = r.first_byte_ms ? r.ms - r.first_byte_ms : 0;
  const t = r.first_byte_ms ? timesOf(r) : { own: r.own_ms ?? 0, lost: Math.max(0, r.ms - (r.own_ms ?? 0)), provider: 0 };
  const all = [['the gateway itself', t.own, '--line-2'], [r.first_byte_ms ? 'failed attempts before' : 'attempts', t.lost, '--line-6'], ['the provider, to the first byte', t.provider, '--line-1'], ['the answer itself', answering, '--line-3']].filter(([, ms]) => ms > 0);
  const bar = el('div', { className: 'times', role: 'img', 'aria-label': all.map(([what, ms]) => `${what} ${format.milliseconds(ms)}`).join(', ') }, all.map(([, ms, colour]) => {
    const part = el('i');
    part.style.flexGrow = String(ms);
    part.style.background = `var(${colour})`;
    return part;
  }));
  return el('div', {}, el('h3', {}, `Time: ${format.milliseconds(r.ms)}`), bar, el('div', { className: 'bar' }, all.map(([what, ms, colour]) => {
    const dot = el('i', { className: 'dot' });
    dot.style.background = `var(${colour})`;
    return el('span', { className: 'faint' }, dot, ` ${what} ${format.milliseconds(ms)}`);
  })));
}

function attempts(r) {
  if (!r.attempts?.length) return '';
  const titles = ['Attempt', 'Provider', 'Model there', 'Its key', 'Status', 'Began after', 'Took', 'Left out of the request', 'Changed in it', 'Added to it', 'What came of it'];
  const table = el('table', { id: 'attempts' },
    el('thead', {}, el('tr', {}, titles.map((title) => el('th', { scope: 'col' }, title)))),
    el('tbody', {}, r.attempts.map((a, i) => el('tr', {}, el('th', { scope: 'row' }, String(i + 1)), el('td', {}, a.provider), el('td', {}, a.upstream_model), el('td', {}, a.key ? `no. ${a.key}` : format.none),
      el('td', { className: a.status >= 400 && !a.outrun ? 'bad' : '' }, a.outrun ? format.none : String(a.status)), el('td', {}, format.milliseconds(a.began_ms)), el('td', {}, format.milliseconds(a.ms)),
      el('td', {}, a.left_out?.join(', ') || format.none), el('td', {}, a.changed?.join(', ') || format.none), el('td', {}, a.added?.join(', ') || format.none), el('td', { className: 'wide' }, a.outrun ? 'another one was faster' : a.broke_off ? `its answer broke off. ${a.error ?? ''}` : a.error || 'answered')))));
  return el('div', {}, el('div', { className: 'heading' }, el('h3', {}, 'Attempts'), tableButton(`Attempts of ${r.id}`, table)), el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Attempts' }, table));
}

// flow is how a stream came over time.
function flow(r) {
  if (!r.flow?.length) return '';
  const points = [[0, 0], ...r.flow];
  return el('div', {}, el('h3', {}, 'The stream over time'), way(points), el('p', { className: 'faint' },
    `${format.bytes(r.bytes ?? points.at(-1)[1])} in ${format.count(r.pieces ?? r.flow.length)} pieces, over ${format.milliseconds(points.at(-1)[0])} from the request on; the longest pause between two took ${format.milliseconds(r.longest_gap_ms ?? 0)}.`));
}
