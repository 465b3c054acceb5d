// A table that may be long: it is searched, sorted, shown a page at a time, and exported as it is shown.

import { csvButton, download } from './csv.js';
import { el, fill } from './dom.js';
import * as format from './format.js';

const perPage = 100; // rows in the page, unless a table says another number

const alphabet = new Intl.Collator().compare;

const typing = 80; // milliseconds from one letter to the next

// Grid has a node to put into the page. A column has a title, and of a row the value that is sorted by and exported; write words it,
// as text or an element. Numbers stand to the right.
export class Grid {
  #by = 0;
  #descending = true;
  #page = 0;
  #rows = [];
  #ordered = null; // the rows in their order; null if that is not known yet
  #words = null; // what each row is found by; null before anybody searches

  constructor({ id, label, columns, sorted = 0, descending = true, empty = 'Nothing is there.', pick = null, search = true, page = perPage }) {
    Object.assign(this, { columns, empty, pick, label, perPage: page });
    this.#by = sorted;
    this.#descending = descending;
    this.search = el('input', { type: 'search', placeholder: 'Filter', 'aria-label': `Filter: ${label}`, hidden: !search, oninput: () => this.#filter() });
    this.count = el('span', { className: 'faint', role: 'status' });
    this.exporter = csvButton(label, () => this.#export());
    this.headings = columns.map((column, i) => el('th', { className: column.number ? 'number' : '', scope: 'col' },
      el('button', { type: 'button', onclick: () => this.#sort(i) }, column.title)));
    this.body = el('tbody');
    this.foot = el('tfoot');
    this.table = el('table', { id }, el('thead', {}, el('tr', {}, this.headings)), this.body, this.foot);
    this.before = el('button', { className: 'quiet', type: 'button', onclick: () => this.#turn(-1) }, 'Back');
    this.after = el('button', { className: 'quiet', type: 'button', onclick: () => this.#turn(1) }, 'On');
    this.place = el('span', { className: 'faint' });
    this.pager = el('div', { className: 'bar', hidden: true }, this.before, this.after, this.place);
    this.node = el('div', { className: 'card grid' }, el('div', { className: 'bar' }, this.search, this.count, this.exporter),
      el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': label }, this.table), this.pager);
    this.#mark();
  }

  // show lists rows, and below them a last one that is neither sorted nor counted.
  show(rows, last = null) {
    this.#rows = rows;
    this.#ordered = this.#words = null;
    this.last = last;
    this.#draw();
  }

  // #filter waits for the rest of a word.
  #filter() {
    clearTimeout(this.typed);
    this.typed = setTimeout(() => { this.#page = 0; this.#draw(); }, typing);
  }

  // #shown is what is searched for, in order. Rows are put in order, and their words are gathered, once for all that is typed.
  #shown() {
    this.#ordered ??= this.#inOrder();
    const words = this.search.value.trim().toLowerCase();
    if (!words) return this.#ordered;
    this.#words ??= new Map(this.#rows.map((row) => [row, this.columns.filter((column) => !column.number).map((column) => String(column.of(row)).toLowerCase()).join('\n')]));
    return this.#ordered.filter((row) => this.#words.get(row).includes(words));
  }

  #inOrder() {
    const { of, number } = this.columns[this.#by];
    const sign = this.#descending ? -1 : 1;
    const byNumber = (a, b) => (a === b ? 0 : a - b);
    const compare = number ? byNumber : alphabet;
    return this.#rows.map((row) => ({ row, value: number ? of(row) : String(of(row)) })).sort((a, b) => sign * compare(a.value, b.value)).map(({ row }) => row);
  }

  #draw() {
    const rows = this.#shown();
    const pages = Math.max(1, Math.ceil(rows.length / this.perPage));
    this.#page = Math.min(this.#page, pages - 1);
    const from = this.#page * this.perPage;
    const part = rows.slice(from, from + this.perPage);
    fill(this.body, part.length ? part.map((row) => this.#row(row))
      : el('tr', {}, el('td', { className: 'nothing', colSpan: this.columns.length }, this.#rows.length ? 'Nothing has these words in it.' : this.empty)));
    fill(this.foot, this.last ? this.#row(this.last) : '');
    if (this.pick) [...this.body.rows].forEach((tr, i) => { if (part[i]) this.#pickable(tr, part[i]); });
    this.count.textContent = rows.length === this.#rows.length ? format.count(rows.length) : `${format.count(rows.length)} of ${format.count(this.#rows.length)}`;
    this.pager.hidden = pages === 1;
    this.before.disabled = this.#page === 0;
    this.after.disabled = this.#page === pages - 1;
    this.place.textContent = `${format.count(from + 1)} to ${format.count(from + part.length)} of ${format.count(rows.length)}`;
  }

  #row(row) {
    return el('tr', {}, this.columns.map((column, i) => {
      const value = column.of(row);
      const written = column.write ? column.write(value, row) : String(value);
      const className = [column.number ? 'number' : '', column.bad?.(value, row) ? 'bad' : '', column.wide ? 'wide' : ''].filter(Boolean).join(' ');
      return el(i ? 'td' : 'th', i ? { className } : { className, scope: 'row' }, written);
    }));
  }

  #pickable(tr, row) {
    tr.classList.add('pickable');
    tr.tabIndex = 0;
    tr.onclick = (event) => { if (!event.target.closest('button')) this.pick(row); };
    tr.onkeydown = (event) => { if (event.key === 'Enter' && event.target === tr) this.pick(row); };
  }

  #sort(column) {
    this.#descending = column === this.#by ? !this.#descending : Boolean(this.columns[column].number);
    this.#by = column;
    this.#ordered = null;
    this.#page = 0;
    this.#mark();
    this.#draw();
  }

  #turn(by) {
    this.#page += by;
    this.#draw();
  }

  #mark() {
    this.headings.forEach((heading, i) => {
      if (i === this.#by) heading.setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
    });
  }

  #export() {
    const lines = [this.columns.map((column) => column.title), ...this.#shown().map((row) => this.columns.map((column) => column.of(row)))];
    download(this.label, lines);
  }
}
