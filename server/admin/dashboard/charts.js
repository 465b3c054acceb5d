// Charts over time, drawn by uPlot. One chart shows one number, with a line or a stack of bars for each group.

import { el, fill } from './dom.js';
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
// All are in pixels.
const mostNarrow = 6; // a step that is hard to hit
const nearBy = 3;
const aimed = 24; // from a line that is meant
const still = 6; // a pointer that is not drawn along
const oneTwoFive = Array.from({ length: 45 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));

// Plots are made one after the other, each in a task of its own: all at once would hold the page up.
const waiting = new Set();

function inTurn(chart) {
  if (waiting.size === 0) setTimeout(makeNext);
  waiting.add(chart);
}

function makeNext() {
  const [chart] = waiting;
  chart?.make();
  if (waiting.size) setTimeout(makeNext);
}

// Chart has a figure to put into the page.
export class Chart {
  // title is above it; value finds the number in a point; write words it; bars are stacked, otherwise there are lines. whole is for
  // numbers that have no fractions. lines says which ones it has: the busiest, or others, which it names below if the view says so. pick is told of a click: the step's time, its
  // length, and the line's name if it was on one.
  constructor({ title, value, write, bars = false, whole = false, choices = null, lines = 'busiest', pick = null }) {
    Object.assign(this, { title, value, write, bars, whole, lines, pick });
    this.names = el('div', { className: 'names' });
    this.plot = el('div', { className: 'plot', tabIndex: 0, role: 'img' });
    this.tip = el('div', { className: 'tip', hidden: true, role: 'status' });
    this.sum = el('span', { className: 'faint' });
    this.figure = el('figure', { className: 'card chart' },
      el('figcaption', {}, el('span', {}, title), choices, this.sum), el('div', { className: 'around' }, this.plot, this.tip), this.names);
    this.plot.addEventListener('keydown', (event) => this.#key(event));
    // No click comes of a button that went down on a plot which was drawn anew before it went up.
    this.plot.addEventListener('pointerdown', (event) => { this.pressed = event.button === 0 ? event : null; });
    this.plot.addEventListener('pointercancel', () => { this.pressed = null; });
    this.plot.addEventListener('pointerup', (event) => {
      const from = this.pressed;
      this.pressed = null;
      if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) < still) this.#pick(event);
    });
    this.plot.addEventListener('blur', () => this.#leave());
    new ResizeObserver(() => this.#resize()).observe(this.plot);
  }

  // show draws. A view has the times (the middles of the steps), their step, and lines of name, label, colour (of the style sheet), points by
  // time, and whether they are hidden.
  show(view) {
    this.view = view;
    this.names.hidden = !view.named;
    fill(this.names, view.named ? view.lines.map((line) => {
      const dot = el('i', { className: 'dot' });
      dot.style.background = `var(${line.colour})`;
      return el('span', {}, dot, ` ${line.label}`);
    }) : '');
    this.values = view.lines.map((line) => view.times.map((time) => {
      const point = line.points.get(time);
      const value = point ? this.value(point) : 0;
      return this.bars || value > 0 ? value : null; // a time without an answer has no TTFT
    }));
    const look = JSON.stringify([view.theme, view.step, view.lines.map((line) => line.colour)]);
    if (look !== this.look || !this.uplot) {
      this.look = look;
      inTurn(this);
    } else if (!waiting.has(this)) {
      this.uplot.setData(this.#data());
    }
  }

  // make draws the plot anew, with what was shown last.
  make() {
    waiting.delete(this);
    this.uplot?.destroy();
    this.uplot = new uPlot(this.#options(), this.#data(), this.plot);
  }

  // describe is what stands beside the title, and what a screen reader says of the chart.
  describe(text) {
    this.sum.textContent = text;
    this.plot.setAttribute('aria-label', `${this.title} over time${text ? `, ${text}` : ''}. Arrow keys read the values, Enter shows the requests.`);
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
          u.over.addEventListener('mousemove', () => { this.pointed = 'mouse'; }, true);
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
    const { idx, left } = u.cursor;
    if (!this.pointed || waiting.has(this) || idx === null || idx === undefined || left < 0) {
      this.tip.hidden = true;
      return;
    }
    const at = this.pointed === 'mouse' ? this.#stepAt(u, left) : idx;
    const { times, lines, step } = this.view;
    const rows = lines.map((line, i) => ({ line, value: this.values[i][at] })).filter(({ line, value }) => !line.hidden && value);
    rows.sort((a, b) => b.value - a.value);
    const list = rows.map(({ line, value }) => row(line.colour, line.label, this.write(value)));
    if (this.bars && rows.length > 1) list.push(row(null, 'all', this.write(rows.reduce((sum, { value }) => sum + value, 0))));
    this.tip.replaceChildren(el('div', { className: 'faint' }, format.span(times[at] - step / 2, step)),
      ...(list.length ? list : [el('div', {}, 'nothing')]), this.pick && list.length ? el('div', { className: 'faint' }, `${this.pointed === 'mouse' ? 'Click' : 'Enter'} shows the requests.`) : '');
    this.tip.hidden = false;
    const room = this.plot.clientWidth;
    const x = axisWidth + left;
    const width = this.tip.offsetWidth;
    const right = x + 14 + width <= room ? x + 14 : x - 14 - width;
    this.tip.style.left = `${Math.max(0, Math.min(right, room - width))}px`;
  }

  // #stepAt is the step at a place of the plot. Where steps are too narrow to be hit it is the highest one near.
  #stepAt(u, left) {
    const at = u.posToIdx(left);
    const width = u.over.clientWidth / this.view.times.length;
    const reach = width < mostNarrow ? Math.ceil(nearBy / width) : 0;
    const heightOf = (i) => {
      const seen = this.values.map((values, line) => (this.view.lines[line].hidden ? 0 : values[i] ?? 0));
      return this.bars ? seen.reduce((sum, value) => sum + value, 0) : Math.max(0, ...seen);
    };
    let best = at;
    for (let away = 1; away <= reach; away++) for (const i of [at - away, at + away]) if (heightOf(i) > heightOf(best)) best = i;
    return best;
  }

  // #pick tells which step was clicked, and which line: the bar that the pointer is on, or of lines the one that is near, else the highest.
  #pick(event) {
    if (waiting.has(this)) this.make();
    const u = this.uplot;
    if (!u || !this.pick) return;
    const box = u.over.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    if (left < 0 || left > box.width || top < 0 || top > box.height) return;
    const at = this.#stepAt(u, left);
    const seen = this.view.lines.map((line, i) => ({ line, value: this.values[i][at] })).filter((one) => !one.line.hidden && one.value);
    let on;
    if (this.bars) {
      let height = 0;
      const value = u.posToVal(top, 'y');
      on = seen.find((one) => (height += one.value) >= value);
    } else {
      const away = ({ value }) => Math.abs(u.valToPos(value, 'y') - top);
      on = seen.toSorted((a, b) => away(a) - away(b))[0];
      if (on && away(on) > aimed) on = seen.toSorted((a, b) => b.value - a.value)[0];
    }
    this.pick({ start: this.view.times[at] - this.view.step / 2, step: this.view.step, line: on?.line.merged ? undefined : on?.line.name });
  }

  #leave() {
    this.pointed = false;
    this.tip.hidden = true;
  }

  #key(event) {
    if (waiting.has(this)) this.make();
    const last = this.view.times.length - 1;
    const now = this.uplot.cursor.idx ?? (event.key === 'ArrowLeft' ? last + 1 : -1);
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (event.key === 'Escape') this.#leave();
    if (event.key === 'Enter' && this.pointed) this.pick?.({ start: this.view.times[this.uplot.cursor.idx] - this.view.step / 2, step: this.view.step });
    if (next === undefined) return;
    event.preventDefault();
    this.pointed = 'keys';
    const left = this.uplot.valToPos(this.view.times[Math.max(0, Math.min(next, last))], 'x');
    this.uplot.setCursor({ left, top: 10 });
  }
}

// way is a small chart of how many bytes there were after how many milliseconds.
export function way(points) {
  const node = el('div', { className: 'flow', role: 'img', 'aria-label': `${format.bytes(points.at(-1)[1])} in ${format.milliseconds(points.at(-1)[0])}` });
  const axis = { stroke: colour('--muted'), font: '11px system-ui, sans-serif', grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false } };
  const words = (write) => (_, splits) => splits.map((split) => (split === 0 ? '0' : write(split)));
  requestAnimationFrame(() => new uPlot({
    width: Math.max(node.clientWidth, 100), height: 130, legend: { show: false }, cursor: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(most, 1) * 1.06] } },
    axes: [{ ...axis, size: 26, space: 70, values: words(format.milliseconds) }, { ...axis, size: axisWidth + 8, space: 30, values: words(format.bytes) }],
    series: [{}, { stroke: colour('--accent'), width: 1.75, paths: uPlot.paths.stepped({ align: 1 }), points: { show: true, size: 4, fill: colour('--accent'), width: 0 } }],
  }, points[0].map((_, i) => points.map((point) => point[i])), node));
  return node;
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
