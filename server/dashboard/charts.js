// Charts over time, drawn by uPlot. One chart shows one number, with a line or a stack of bars for each group.

import { el } from './dom.js';
import * as format from './format.js';

const uPlot = window.uPlot;

// colour finds what a custom property of the style sheet is in the theme of this moment, since a canvas knows no custom properties.
const probe = el('i', { hidden: true });
export function colour(name) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

const height = 190;
const axisWidth = 58;
const oneTwoFive = Array.from({ length: 45 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));

// Chart has a figure to put into the page.
export class Chart {
  // title is above it; value finds the number in a point; write words it; bars are stacked, otherwise there are lines. whole is for
  // numbers that have no fractions.
  constructor({ title, value, write, bars = false, whole = false, choices = null }) {
    Object.assign(this, { title, value, write, bars, whole });
    this.plot = el('div', { className: 'plot', tabIndex: 0, role: 'img' });
    this.tip = el('div', { className: 'tip', hidden: true, role: 'status' });
    this.sum = el('span', { className: 'faint' });
    this.figure = el('figure', { className: 'card chart' },
      el('figcaption', {}, el('span', {}, title), choices, this.sum), el('div', { className: 'around' }, this.plot, this.tip));
    this.plot.addEventListener('keydown', (event) => this.#key(event));
    this.plot.addEventListener('blur', () => this.#leave());
    new ResizeObserver(() => this.#resize()).observe(this.plot);
  }

  // show draws. A view has the times (the middles of the steps), their step, and lines of name, label, colour (of the style sheet), points by
  // time, and whether they are hidden.
  show(view) {
    this.view = view;
    this.values = view.lines.map((line) => view.times.map((time) => {
      const point = line.points.get(time);
      const value = point ? this.value(point) : 0;
      return this.bars || value > 0 ? value : null; // a time without an answer has no TTFT
    }));
    const look = JSON.stringify([view.theme, view.step, view.lines.map((line) => line.colour)]);
    if (look !== this.look || !this.uplot) {
      this.uplot?.destroy();
      this.uplot = new uPlot(this.#options(), this.#data(), this.plot);
      this.look = look;
    } else {
      this.uplot.setData(this.#data());
    }
  }

  // describe is what stands beside the title, and what a screen reader says of the chart.
  describe(text) {
    this.sum.textContent = text;
    this.plot.setAttribute('aria-label', `${this.title} over time${text ? `, ${text}` : ''}. Arrow keys read the values.`);
  }

  // #data stacks bars: each is drawn as high as it and those below it are together, the highest first, so that the lower ones cover it.
  #data() {
    const { times, lines } = this.view;
    if (!this.bars) return [times, ...this.values.map((values, i) => (lines[i].hidden ? times.map(() => null) : values))];
    const height = times.map(() => 0);
    const stacked = this.values.map((values, i) => {
      if (lines[i].hidden) return times.map(() => null);
      return values.map((value, at) => {
        height[at] += value;
        return value ? height[at] : null;
      });
    });
    return [times, ...stacked.reverse()];
  }

  #options() {
    const faint = colour('--muted');
    const grid = colour('--grid');
    const font = '11px system-ui, sans-serif';
    const lines = this.bars ? this.view.lines.toReversed() : this.view.lines;
    return {
      width: Math.max(this.plot.clientWidth, 100),
      height,
      legend: { show: false },
      padding: [10, 6, 0, 0],
      cursor: { sync: { key: 'time', setSeries: false }, drag: { x: false, y: false }, y: false, points: { show: !this.bars, size: 7 } },
      scales: {
        x: { time: true, range: () => this.view.range },
        y: { range: (_, __, most) => [0, most > 0 ? most * 1.06 : 1] },
      },
      axes: [
        { stroke: faint, font, grid: { show: false }, ticks: { stroke: grid, size: 4 }, space: 56, size: 28, values: (_, splits, ___, ____, step) => format.ticks(splits, step) },
        {
          stroke: faint, font, size: axisWidth, gap: 6, space: 34, grid: { stroke: grid, width: 1 }, ticks: { show: false },
          values: (_, splits) => splits.map((split) => (split === 0 ? '0' : this.write(split))),
          ...(this.whole && { incrs: oneTwoFive }),
        },
      ],
      series: [{}, ...lines.map((line) => {
        const stroke = colour(line.colour);
        return this.bars
          ? { fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.8, 40] }) }
          : { stroke, width: 1.75, spanGaps: true, points: { show: true, size: 4.5, fill: stroke, width: 0, filter: measured } };
      })],
      hooks: {
        setCursor: [(u) => this.#point(u)],
        ready: [(u) => {
          u.over.addEventListener('mouseenter', () => { this.pointed = true; });
          u.over.addEventListener('mouseleave', () => this.#leave());
        }],
      },
    };
  }

  #resize() {
    const width = this.plot.clientWidth;
    if (this.uplot && width > 0 && width !== this.uplot.width) this.uplot.setSize({ width, height });
  }

  // #point shows the values under the cursor, on the chart that the pointer or the keyboard is on.
  #point(u) {
    const { idx: at, left } = u.cursor;
    if (!this.pointed || at === null || at === undefined || left < 0) {
      this.tip.hidden = true;
      return;
    }
    const { times, lines, step } = this.view;
    const rows = lines.map((line, i) => ({ line, value: this.values[i][at] })).filter(({ line, value }) => !line.hidden && value);
    rows.sort((a, b) => b.value - a.value);
    const list = rows.map(({ line, value }) => row(line.colour, line.label, this.write(value)));
    if (this.bars && rows.length > 1) list.push(row(null, 'all', this.write(rows.reduce((sum, { value }) => sum + value, 0))));
    this.tip.replaceChildren(el('div', { className: 'faint' }, format.span(times[at] - step / 2, step)),
      ...(list.length ? list : [el('div', {}, 'nothing')]));
    this.tip.hidden = false;
    const room = this.plot.clientWidth;
    const x = axisWidth + left;
    const width = this.tip.offsetWidth;
    const right = x + 14 + width <= room ? x + 14 : x - 14 - width;
    this.tip.style.left = `${Math.max(0, Math.min(right, room - width))}px`;
  }

  #leave() {
    this.pointed = false;
    this.tip.hidden = true;
  }

  #key(event) {
    const last = this.view.times.length - 1;
    const now = this.uplot.cursor.idx ?? (event.key === 'ArrowLeft' ? last + 1 : -1);
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (event.key === 'Escape') this.#leave();
    if (next === undefined) return;
    event.preventDefault();
    this.pointed = true;
    const left = this.uplot.valToPos(this.view.times[Math.max(0, Math.min(next, last))], 'x');
    this.uplot.setCursor({ left, top: 10 });
  }
}

// measured are the places of a line's dots: its values, unless they stand so close that the line says enough.
function measured(u, series) {
  const places = [];
  u.data[series].forEach((value, i) => value !== null && places.push(i));
  return places.length <= 40 ? places : [];
}

function row(of, label, value) {
  const dot = el('i', { className: 'dot' });
  if (of) dot.style.background = `var(${of})`;
  return el('div', { className: 'row' }, dot, el('span', { className: 'name' }, label), el('b', {}, value));
}
