// Which lines a chart has, and their colours.

const colours = 7; // of lines; what is beyond them becomes one line

// label is a line's name for people.
const label = (grouped, name) => (grouped.by === '' ? 'All requests' : name || 'unknown');

// give has each name a colour, which it keeps in colourOf; those of others that are known are left to them as long as there are more.
function give(names, colourOf) {
  for (const name of names) {
    if (colourOf.has(name)) continue;
    const here = new Set(names.map((other) => colourOf.get(other)));
    const anywhere = new Set(colourOf.values());
    const free = Array.from({ length: colours }, (_, i) => i + 1).filter((i) => !here.has(i));
    colourOf.set(name, free.find((i) => !anywhere.has(i)) ?? free[0]);
  }
}

// cut gives the first lines a colour each, and puts the rest together.
function cut(grouped, sorted, colourOf, count) {
  const first = sorted.slice(0, colours);
  const rest = sorted.slice(colours);
  give(first.map((line) => line.name), colourOf);
  const lines = first.map((line) => ({ ...line, label: label(grouped, line.name), colour: `--line-${colourOf.get(line.name)}` }));
  if (rest.length) lines.push({ name: '\0rest', label: `${count - first.length} others`, colour: '--line-rest', points: rest.flatMap((line) => line.points.map((point) => ({ ...point }))), merged: true });
  return lines;
}

// linesOf are the busiest lines of a timeline, and the rows of the table.
export function linesOf(grouped, colourOf) {
  const busiest = new Set(grouped.lines.slice(0, colours).map((line) => line.name));
  for (const name of colourOf.keys()) if (!busiest.has(name)) colourOf.delete(name);
  const lines = cut(grouped, grouped.lines, colourOf, grouped.all.length);
  const known = new Map(grouped.lines.map((line) => [line.name, line.total]));
  const times = { ttft_p50_ms: 0, ttft_p95_ms: 0, duration_p50_ms: 0, duration_p95_ms: 0 };
  const table = grouped.all.map((line) => ({
    name: line.name, label: label(grouped, line.name), total: known.get(line.name) ?? { ...line.total, ...times }, colour: busiest.has(line.name) ? `--line-${colourOf.get(line.name)}` : '--line-rest',
  }));
  return { lines, table };
}

// worstOf are the lines that fail most, for the chart of failures.
export function worstOf(grouped, colourOf) {
  const failed = grouped.lines.filter((line) => line.total.failures > 0).toSorted((a, b) => b.total.failures - a.total.failures);
  const named = failed.filter((line) => line.name !== 'others');
  return cut(grouped, [...named, ...failed.filter((line) => line.name === 'others')], new Map(colourOf), grouped.all.filter((line) => line.total.failures > 0).length);
}

const few = 3; // requests, of which a percentile says little

// rise is how many times its own median a line's slowest step took.
function rise({ total, points }) {
  const tell = points.filter((point) => point.ttft_p95_ms && point.requests - point.failures >= few);
  const most = Math.max(0, ...(tell.length ? tell : points).map((point) => point.ttft_p95_ms));
  return total.ttft_p50_ms ? most / total.ttft_p50_ms : 0;
}

// slowestOf are the lines that became slower than they are by the most, for the charts of times: the one that is to blame may be among the least busy.
export function slowestOf(grouped, colourOf) {
  const timed = grouped.lines.filter((line) => line.name !== 'others' && line.total.ttft_p95_ms);
  const lines = cut(grouped, timed.toSorted((a, b) => rise(b) - rise(a)), new Map(colourOf), timed.length);
  return lines.filter((line) => !line.merged); // what several have together has no percentile
}
