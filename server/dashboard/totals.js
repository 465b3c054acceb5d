// What the range comes to: the tiles at the top, and the table with a row for each group.

import { el, fill } from './dom.js';
import * as format from './format.js';

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
  { title: 'p95', of: (t) => t.ttft_p95_ms, write: format.milliseconds },
  { title: 'Answer p50', of: (t) => t.duration_p50_ms, write: format.milliseconds },
  { title: 'p95', of: (t) => t.duration_p95_ms, write: format.milliseconds },
];

// Totals is the table, which remembers by what it is sorted.
export class Totals {
  #by = 0;
  #descending = true;

  constructor(table) {
    this.table = table;
    this.headings = columns.map((column, i) => el('th', { className: 'number', scope: 'col' }, el('button', { onclick: () => this.#sort(i) }, column.title)));
    this.first = el('th', { scope: 'col' });
    this.body = el('tbody');
    this.foot = el('tfoot');
    table.replaceChildren(el('thead', {}, el('tr', {}, this.first, this.headings)), this.body, this.foot);
    this.#mark();
  }

  // show lists lines of label, colour and total, and below them the sum of all.
  show(title, lines, total) {
    this.lines = lines;
    this.total = total;
    this.first.textContent = title;
    const { of } = columns[this.#by];
    const rows = lines.toSorted((a, b) => (this.#descending ? 1 : -1) * (of(b.total) - of(a.total)));
    fill(this.body, rows.map((line) => this.#row(line)));
    fill(this.foot, lines.length > 1 ? el('tr', {}, el('th', { scope: 'row' }, 'All'), columns.map((column) => cell(column, total))) : '');
  }

  #row(line) {
    const dot = el('i', { className: 'dot' });
    dot.style.background = `var(${line.colour})`;
    const cells = columns.map((column) => cell(column, line.total));
    const share = el('span', { className: 'share' });
    share.style.width = `${(100 * line.total.requests) / Math.max(this.total.requests, 1)}%`;
    cells[0].append(share);
    return el('tr', {}, el('th', { scope: 'row' }, el('span', { className: 'named', title: line.label }, dot, el('span', {}, line.label))), cells);
  }

  #sort(column) {
    this.#descending = column === this.#by ? !this.#descending : true;
    this.#by = column;
    this.#mark();
    if (this.lines) this.show(this.first.textContent, this.lines, this.total);
  }

  #mark() {
    this.headings.forEach((heading, i) => {
      if (i === this.#by) heading.setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
    });
  }
}

function cell(column, total) {
  const value = column.of(total);
  return el('td', { className: `number${column.bad?.(value) ? ' bad' : ''}` }, column.write(value, total));
}
