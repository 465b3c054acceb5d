// What the range comes to: the tiles at the top, and the table with a row for each group.

import { el, fill } from './dom.js';
import * as format from './format.js';
import { Grid } from './grid.js';

// tiles shows the sums of everything. live is what is under way now, if that is known.
export function tiles(node, total, seconds, live) {
  const tile = (what, figure, beside, bad) => el('div', { className: 'card tile' },
    el('div', { className: 'what' }, what), el('div', { className: `figure${bad ? ' bad' : ''}` }, figure), el('div', { className: 'beside', title: beside }, beside));
  const perMinute = total.requests / (seconds / 60);
  fill(node,
    tile('Requests', format.compact(total.requests), `${format.compact(perMinute)} a minute`),
    tile('Failed', format.percent(total.failures, total.requests), `${format.compact(total.failures)} of them`, total.failures > total.requests / 20),
    tile('Tokens in', format.compact(total.prompt_tokens), `${format.percent(total.cached_tokens, total.prompt_tokens)} from a cache`),
    tile('Tokens out', format.compact(total.completion_tokens), `${format.compact(total.requests ? total.completion_tokens / total.requests : 0)} a request`),
    tile('Cost', format.dollars(total.cost), `${format.dollars(total.requests ? total.cost / total.requests : 0)} a request`),
    tile('First byte, median', format.milliseconds(total.ttft_p50_ms), `95 % within ${format.milliseconds(total.ttft_p95_ms)}`),
    tile('In flight', live ? format.count(live.in_flight) : format.none, live ? `${format.count(live.streams)} ${live.streams === 1 ? 'stream' : 'streams'}` : ''));
}

const columns = [
  { title: 'Requests', of: (t) => t.requests, write: format.count },
  { title: 'Failed', of: (t) => t.failures, write: (n, t) => `${format.count(n)} (${format.percent(n, t.requests)})`, bad: (n) => n > 0 },
  { title: 'Tokens in', of: (t) => t.prompt_tokens, write: format.count },
  { title: 'Cached', of: (t) => t.cached_tokens, write: format.count },
  { title: 'Tokens out', of: (t) => t.completion_tokens, write: format.count },
  { title: 'Cost', of: (t) => t.cost, write: format.dollars },
  { title: 'First byte p50', of: (t) => t.ttft_p50_ms, write: format.milliseconds },
  { title: 'First byte p95', of: (t) => t.ttft_p95_ms, write: format.milliseconds },
  { title: 'Answer p50', of: (t) => t.duration_p50_ms, write: format.milliseconds },
  { title: 'Answer p95', of: (t) => t.duration_p95_ms, write: format.milliseconds },
];

// Totals is the table with a row for each of a group, of which rows have label, colour and total. open shows what is behind one.
export class Totals {
  constructor(node, open) {
    this.node = node;
    this.open = open;
  }

  show(title, rows, total) {
    if (title !== this.title) { // another group
      this.title = title;
      this.grid = new Grid({ id: 'totals', label: `Totals by ${title}`, sorted: 1, empty: 'Nothing was asked.', pick: this.open, columns: [
        { title, of: (row) => row.label, write: (label, row) => named(label, row) },
        ...columns.map((column) => ({ ...column, number: true, of: (row) => column.of(row.total), write: (value, row) => column.write(value, row.total) }))] });
      this.node.replaceChildren(this.grid.node);
    }
    this.grid.show(rows, rows.length > 1 ? { label: 'All', total } : null);
  }
}

function named(label, { colour }) {
  const dot = el('i', { className: 'dot' });
  dot.style.background = colour ? `var(${colour})` : 'none';
  return el('span', { className: 'named', title: label }, dot, el('span', {}, label));
}
