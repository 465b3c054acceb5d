// How numbers and times are written. Times are in the viewer's zone.

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

export const none = '–';

export const count = (n) => whole.format(n);
export const compact = (n) => (n < 100_000 ? whole.format(Math.round(n * 10) / 10) : short.format(n));

export function percent(part, of) {
  if (!of) return none;
  const share = (100 * part) / of;
  if (share > 0 && share < 0.1) return '< 0.1 %';
  return `${share >= 10 || share === 0 ? Math.round(share) : share.toFixed(1)} %`;
}

// dollars keeps two figures of what is only cents, or less: that is what a request costs.
export function dollars(amount) {
  if (amount === 0) return '$0';
  if (amount < 0.1) return `$${Number(amount.toPrecision(2)).toFixed(9).replace(/0+$/, '')}`;
  if (amount < 1000) return `$${amount.toFixed(2)}`;
  return `$${whole.format(Math.round(amount))}`;
}

export function milliseconds(ms) {
  if (!ms) return none;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return duration(ms / 1000);
}

// duration is for spans that count by the second.
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, '0');
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))} h`;
  const days = Math.floor(s / 86_400);
  return `${days} ${days === 1 ? 'day' : 'days'} ${Math.floor((s % 86_400) / 3600)} h`;
}

export function bytes(n) {
  if (n < 1024) return `${n} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let value = n / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const at = (seconds) => new Date(seconds * 1000);

// moment is a time that is likely to be of today.
export function moment(seconds) {
  const when = at(seconds);
  const today = new Date().toDateString() === when.toDateString();
  return today ? clockSeconds.format(when) : `${date.format(when)}, ${clock.format(when)}`;
}

// span is a step of the charts.
export function span(seconds, step) {
  const from = at(seconds);
  const to = at(seconds + step);
  if (step >= 86_400) return date.format(from);
  return `${date.format(from)}, ${clock.format(from)} – ${clock.format(to)}`;
}

// ticks words the times below a chart: the date where a day begins, else the time.
export function ticks(splits, step) {
  return splits.map((seconds, i) => {
    const when = at(seconds);
    const newDay = i > 0 && at(splits[i - 1]).getDate() !== when.getDate();
    return step >= 86_400 || newDay ? date.format(when) : clock.format(when);
  });
}
