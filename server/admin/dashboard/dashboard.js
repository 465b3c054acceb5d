// The page: who is signed in, what is shown, and when it is asked for anew.

import { ask, key, reason, Refused, whyDenied } from './api.js';
import { Chart } from './charts.js';
import { Costs, leftColumns } from './costs.js';
import { tableButton } from './csv.js';
import { byId, el, fill } from './dom.js';
import { failing, fails } from './failing.js';
import * as format from './format.js';
import { Grid } from './grid.js';
import { linesOf, slowestOf, worstOf } from './lines.js';
import { Past } from './past.js';
import { Requests } from './requests.js';
import { Clock, openRequests, Providers, Rests, tick } from './standing.js';
import { tiles, Totals } from './totals.js';

const hour = 3600;
const ranges = [['1 h', hour], ['6 h', 6 * hour], ['24 h', 24 * hour], ['7 d', 7 * 24 * hour], ['30 d', 30 * 24 * hour]];
const groups = [['Model', 'model'], ['Provider', 'provider'], ['Key', 'key'], ['All', '']];
const words = { 3600: 'hour', 21600: '6 hours', 86400: '24 hours', 604800: '7 days', 2592000: '30 days' };
const views = [['Overview', 'overview'], ['Requests', 'requests'], ['Costs and limits', 'costs']];

const every = { history: 15_000, own: 15_000, overview: 5_000, live: 2_000 }; // milliseconds between answer and question

// none is the total where nothing happened.
const none = { requests: 0, failures: 0, prompt_tokens: 0, cached_tokens: 0, completion_tokens: 0, cost: 0, ttft_p50_ms: 0, ttft_p95_ms: 0 };

const state = { view: 'overview', range: hour, by: 'model', instance: '', admin: false, hidden: new Set(), colourOf: new Map() };
const clock = new Clock();
const providers = new Providers(byId('providers'), {
  async wake(provider) {
    const { woken } = await ask('channels/wake', { provider }, key.get(), 'POST');
    await once('overview');
    return woken;
  },
  async ask(provider) {
    const { asked } = await ask('channels/ask', { provider }, key.get(), 'POST');
    await once('overview');
    return asked;
  },
  async look(provider) {
    return (await ask('overview', { provider }, key.get())).providers[0];
  },
});
const rests = new Rests(byId('rests-place'), async (provider, what) => {
  await ask('channels/wake', { provider, ...what }, key.get(), 'POST');
  await once('overview');
});
const own = new Grid({ id: 'own-left', label: 'What is left', search: false, columns: leftColumns });
byId('own').append(own.node);
byId('live-count').after(tableButton('Open requests', byId('live')));
const requests = new Requests(byId('requests-view'), (path, query) => ask(path, query, key.get()));
const costs = new Costs(byId('costs-view'), (path, query) => ask(path, path === 'costs' ? { ...query, ...counted() } : query, key.get()), clock);
const past = new Past((path, query) => ask(path, query, key.get()), () => drawProviders());
const totals = new Totals(byId('totals-place'), (row) => {
  const to = clock.now();
  showRequests({ start: Math.floor(to - state.range), end: Math.ceil(to), ...(state.by && { [state.by]: row.name }) });
});

// counted narrows a question of what the ledger has to one of the instances that share it.
function counted() {
  return state.admin && state.instance ? { instance: state.instance } : {};
}

// showRequests leads to the requests that are behind something.
function showRequests(wanted) {
  choose({ view: 'requests' });
  requests.open(wanted).catch(refused);
}

// picked is a click on a chart: it leads to the requests of that time, and of that line.
const picked = (more) => ({ start, step, line }) => {
  const by = state.by && line !== undefined && line !== 'others' ? { [state.by]: line } : {};
  showRequests({ start, end: start + step, ...by, ...more });
};

// failingOnly is what a click on the failed ones leads to. Attempts fail of requests that another provider then answered.
const failingOnly = (at) => picked(state.by === 'provider' ? {} : { failed: true })(at);

const tokenKinds = {
  all: ['in and out', (p) => p.prompt_tokens + p.completion_tokens],
  in: ['in', (p) => p.prompt_tokens],
  cached: ['in, from a cache', (p) => p.cached_tokens],
  out: ['out', (p) => p.completion_tokens],
};
const tokenKind = el('select', { 'aria-label': 'Which tokens', onchange: () => draw() },
  Object.entries(tokenKinds).map(([value, [label]]) => el('option', { value }, label)));
const tokens = (p) => tokenKinds[tokenKind.value][1](p);

const charts = [
  { title: 'Requests', value: (p) => p.requests, write: format.compact, bars: true, whole: true },
  { title: 'Failed requests', value: (p) => p.failures, write: format.compact, bars: true, whole: true, lines: 'worst', pick: failingOnly },
  { title: 'Tokens', value: tokens, write: format.compact, bars: true, whole: true, choices: tokenKind },
  { title: 'Cost', value: (p) => p.cost, write: format.dollars, bars: true },
  { title: 'First byte, median', value: (p) => p.ttft_p50_ms, write: format.milliseconds, lines: 'slowest' },
  { title: 'First byte, 95th percentile', value: (p) => p.ttft_p95_ms, write: format.milliseconds, lines: 'slowest' },
].map((what) => new Chart({ pick: picked({}), ...what }));
byId('charts').append(...charts.map((chart) => chart.figure));

// ---- Signing in and out

function showSignIn() {
  byId('signin').hidden = false;
  byId('signin-error').textContent = reason.take();
  byId('key').focus();
}

byId('signin-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const secret = byId('key').value.trim();
  const button = byId('signin-button');
  byId('signin-error').textContent = '';
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    byId('signin-error').textContent = 'A key has only letters, digits and signs, and no spaces.';
    return;
  }
  button.disabled = true;
  try {
    await ask('me', {}, secret);
    key.keep(secret);
    byId('key').value = '';
    begin();
  } catch (error) {
    byId('signin-error').textContent = error instanceof Refused && error.denied ? whyDenied(error) : error.message;
  } finally {
    button.disabled = false;
  }
});

// end signs out. The page is loaded anew, so that nothing of what it showed is left in it.
function end(why = '') {
  key.forget();
  reason.keep(why);
  location.reload();
}
byId('signout').addEventListener('click', () => {
  history.replaceState(null, '', location.pathname); // who comes next begins at the overview
  end();
});

// ---- Asking

const latest = { history: null, overview: null, live: null };
const troubles = new Map(); // by what could not be asked
let answered = 0; // when the gateway last did, milliseconds

async function begin() {
  byId('signin').hidden = true;
  byId('board').hidden = false;
  await once('me'); // which tells the gateway's time, that the rest is asked by
  for (const id of ['live-place', 'providers-place']) byId(id).hidden = !state.admin;
  byId('own').hidden = state.admin;
  requests.admin = state.admin;
  if (!state.admin) {
    if (['provider', 'key'].includes(state.by)) state.by = 'model';
    for (const by of ['provider', 'key']) byId('groups').querySelector(`[value="${by}"]`).parentNode.hidden = true;
    byId('groups').querySelector(`[value="${state.by}"]`).checked = true;
  }
  showView();
  if (state.view === 'requests') requests.search().catch(refused);
  for (const what of state.admin ? ['history', 'overview', 'live'] : ['history', 'own']) keepAsking(what);
}

const questions = {
  async me(secret) {
    const me = await ask('me', {}, secret);
    state.admin = me.admin;
    clock.set(me.now);
    byId('whose').textContent = me.key;
  },
  async own(secret) {
    const { keys, now } = await ask('keys', {}, secret);
    clock.set(now);
    own.show(keys);
  },
  async history(secret) {
    const { range, by, instance } = state;
    const to = clock.now();
    const query = { start_datetime: Math.floor(to - range), end_datetime: Math.ceil(to), ...counted() };
    const timeline = state.admin ? 'timeline' : 'me/timeline';
    const [grouped, whole, tried] = await Promise.all([ask(timeline, { ...query, by, all: true }, secret), by === '' ? null : ask(timeline, query, secret),
      state.admin ? ask('timeline', { ...query, by: 'attempts', all: true }, secret) : null]);
    if (range !== state.range || by !== state.by || instance !== state.instance) { // chosen anew meanwhile
      await questions.history(secret);
      return;
    }
    latest.history = { grouped, tried, whole: whole ?? grouped, total: (whole ?? grouped).lines[0]?.total ?? none, range };
    draw();
    drawProviders();
  },
  async overview(secret) {
    latest.overview = await ask('overview', { brief: true }, secret);
    clock.set(latest.overview.now);
    drawOverview();
    drawInstances();
  },
  async live(secret) {
    latest.live = await ask('live', {}, secret);
    clock.set(latest.live.now);
    drawLive();
  },
};

const wakes = {}; // by question: cuts the pause before it is asked again

// keepAsking asks a question again and again. A page that nobody sees asks nothing.
async function keepAsking(what) {
  for (;;) {
    if (!document.hidden) await once(what);
    await new Promise((wake) => {
      wakes[what] = wake;
      setTimeout(wake, every[what]);
    });
  }
}

async function once(what) {
  try {
    await questions[what](key.get());
    answered = Date.now();
    troubles.delete(what);
  } catch (error) {
    if (refused(error)) return;
    troubles.set(what, error.message);
  }
  drawTroubles();
}

// refused signs out if the key is no longer good.
function refused(error) {
  const is = error instanceof Refused && error.denied;
  if (is) end(`You were signed out. ${whyDenied(error)}`);
  return is;
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) Object.values(wakes).forEach((wake) => wake());
});

// ---- Choosing

function segments(node, name, choices, chosen, choose) {
  for (const [label, value] of choices) {
    node.append(el('label', {}, el('input', { type: 'radio', name, value, checked: value === chosen, onchange: () => choose(value) }), el('span', {}, label)));
  }
}

// The choices are in the address, so that a reload and a bookmark keep them.
const address = new URLSearchParams(location.hash.slice(1));
state.range = ranges.map(([, seconds]) => seconds).find((seconds) => String(seconds) === address.get('range')) ?? state.range;
state.by = groups.map(([, by]) => by).find((by) => by === address.get('by')) ?? state.by;
state.view = views.map(([, view]) => view).find((view) => view === address.get('view')) ?? state.view;
state.instance = address.get('instance') ?? '';

function choose(change) {
  Object.assign(state, change);
  history.replaceState(null, '', `#${new URLSearchParams({ view: state.view, range: state.range, by: state.by, ...(state.instance && { instance: state.instance }) })}`);
  if ('by' in change) {
    state.hidden.clear();
    state.colourOf.clear();
  }
  if ('view' in change || state.view === 'costs') showView();
  else wakes.history?.();
}

byId('instance').addEventListener('change', (event) => choose({ instance: event.target.value }));

// drawInstances offers the instances that share the ledger, if there are several.
function drawInstances() {
  const all = latest.overview.instances ?? [];
  const { instance } = state;
  byId('instances').hidden = state.view === 'requests' || (all.length < 2 && !instance);
  const offered = ['', ...all, ...(instance && !all.includes(instance) ? [instance] : [])];
  const list = byId('instance');
  if ([...list.options].map(({ value }) => value).join('\n') === offered.join('\n')) return;
  fill(list, offered.map((name) => el('option', { value: name, selected: name === instance }, name || 'all instances')));
}

// showView shows the view that is chosen, and has it ask for what it needs.
function showView() {
  const { view } = state;
  for (const [, name] of views) byId(`${name}-view`).hidden = name !== view;
  byId('views').querySelector(`[value="${view}"]`).checked = true;
  for (const id of ['ranges', 'groups']) byId(id).hidden = view !== 'overview';
  if (view === 'costs') costs.open(state.admin).catch((error) => refused(error) || (troubles.set('costs', error.message), drawTroubles()));
  if (view === 'overview') draw();
  if (latest.overview) drawInstances();
}
segments(byId('views'), 'view', views, state.view, (view) => {
  choose({ view });
  if (view === 'requests') requests.search().catch(refused);
});
segments(byId('ranges'), 'range', ranges, state.range, (range) => choose({ range }));
segments(byId('groups'), 'group', groups, state.by, (by) => choose({ by }));

const dark = matchMedia('(prefers-color-scheme: dark)');
const theme = () => document.documentElement.dataset.theme ?? (dark.matches ? 'dark' : 'light');
function drawTheme() {
  byId('theme').textContent = theme() === 'dark' ? 'Light' : 'Dark';
  byId('theme').setAttribute('aria-label', `Switch to the ${theme() === 'dark' ? 'light' : 'dark'} theme`);
  draw();
}
byId('theme').addEventListener('click', () => {
  const next = theme() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem('uni-api.theme', next);
  } catch {
    // It is then the theme until the page is loaded again.
  }
  drawTheme();
});
dark.addEventListener('change', drawTheme);

// ---- Drawing

// byTime finds a line's points. Where several were put together there is no saying what their percentiles would be.
function byTime(line, shift) {
  const found = new Map();
  for (const point of line.points) {
    const time = point.time + shift;
    const there = found.get(time);
    if (!there) {
      found.set(time, line.merged ? { ...point, ttft_p50_ms: 0, ttft_p95_ms: 0 } : point);
      continue;
    }
    for (const name of ['requests', 'failures', 'prompt_tokens', 'cached_tokens', 'completion_tokens', 'cost']) there[name] += point[name];
  }
  return found;
}

function draw() {
  if (!latest.history || state.view !== 'overview') return;
  const { grouped, total, range } = latest.history;
  const nothing = total.requests === 0;
  byId('history').hidden = nothing;
  byId('empty').hidden = !nothing;
  tiles(byId('tiles'), total, range, latest.live);
  if (nothing) {
    drawEmpty(range);
    return;
  }
  const { step } = grouped;
  const start = grouped.start - (grouped.start % step);
  const times = [];
  for (let at = start; at < grouped.end; at += step) times.push(at + step / 2);
  const { lines, table } = linesOf(grouped, state.colourOf);
  const pointed = (list) => list.map((line) => ({ ...line, hidden: state.hidden.has(line.name), points: byTime(line, step / 2) }));
  const { tried, whole } = latest.history;
  const attempts = grouped.by === 'provider' && tried;
  const view = { step, times, theme: theme(), range: [start, times.at(-1) + step / 2], lines: pointed(lines) };
  const views = {
    busiest: view,
    worst: { ...view, lines: pointed(worstOf(attempts ? tried : grouped, state.colourOf)), named: true },
    // Of one key, times are known of all its requests together.
    slowest: state.admin ? { ...view, lines: pointed(slowestOf(grouped, state.colourOf)), named: true } : { ...view, lines: pointed(linesOf({ ...whole, all: whole.lines }, new Map()).lines), named: true },
  };
  const failures = attempts ? tried.all.reduce((sum, line) => sum + line.total.failures, 0) : total.failures;
  for (const chart of charts) {
    chart.show(views[chart.lines]);
    chart.describe(chart.lines === 'worst' ? `${chart.write(failures)}${attempts ? ' attempts' : ''}` : chart.write(chart.value(total)));
  }
  drawLegend(lines);
  totals.show(groups.find(([, by]) => by === grouped.by)[0], table, total);
}

function drawLegend(lines) {
  fill(byId('legend'), lines.map((line) => {
    const dot = el('i', { className: 'dot' });
    dot.style.background = `var(${line.colour})`;
    return el('button', { 'aria-pressed': String(!state.hidden.has(line.name)), 'data-line': line.name, title: `${line.label}. Click hides or shows it; with Shift it alone is shown.` },
      dot, el('span', {}, line.label));
  }));
}

byId('legend').addEventListener('click', (event) => {
  const name = event.target.closest('button')?.dataset.line;
  if (name === undefined) return;
  const names = [...byId('legend').children].map((button) => button.dataset.line);
  if (event.shiftKey) {
    const alone = !state.hidden.has(name) && state.hidden.size === names.length - 1;
    state.hidden = new Set(alone ? [] : names.filter((other) => other !== name));
  } else if (!state.hidden.delete(name)) {
    state.hidden.add(name);
  }
  draw();
  [...byId('legend').children].find((button) => button.dataset.line === name)?.focus();
});

function drawEmpty(range) {
  if (!latest.models && !latest.asking) {
    latest.asking = true;
    ask('models', {}, key.get()).then(({ data }) => {
      latest.models = data.map((model) => model.id);
      if (latest.history?.total.requests === 0) drawEmpty(range);
    }, () => {}).finally(() => { latest.asking = false; });
  }
  const base = new URL('..', document.baseURI);
  const command = `curl ${new URL('v1/chat/completions', base)} \\\n  -H "Authorization: Bearer YOUR_KEY" -H "Content-Type: application/json" \\\n`
    + `  -d '{"model": "${exampleModel()}", "messages": [{"role": "user", "content": "Hello!"}]}'`;
  fill(byId('empty'), el('h2', {}, `No request yet in the last ${words[range]}`),
    el('p', {}, 'Point a client at ', el('code', {}, new URL('v1', base).href), ' with one of the keys of api.yaml, or try it from a terminal:'),
    el('pre', {}, command),
    el('p', { className: 'faint' }, 'What comes in shows here by itself. For what was earlier, choose a longer range.'));
}

// exampleModel is one that can be asked for, if its name can stand in a shell's quotes.
function exampleModel() {
  const models = latest.models ?? [];
  return models.find((model) => /^[\w.:/@-]+$/.test(model)) ?? 'MODEL';
}

function drawOverview() {
  const { overview } = latest;
  const { limits, providers: list } = overview;
  byId('version').textContent = overview.version;
  rests.show(list);
  drawProviders();
  const resting = list.reduce((sum, provider) => sum + provider.channels.filter((channel) => channel.resting).length, 0);
  byId('providers-count').textContent = resting ? `${resting} ${resting === 1 ? 'channel is' : 'channels are'} cooling` : '';
  byId('foot').textContent = [
    `uni-api ${overview.version}`,
    `up for ${format.duration(overview.uptime_seconds)}`,
    `${format.count(overview.client_connections)} of at most ${format.count(limits.max_connections)} client connections`,
    `${format.count(overview.upstream_connections)} to providers`,
    limits.max_in_flight ? `at most ${format.count(limits.max_in_flight)} requests in flight` : 'no limit of requests in flight',
    `bodies up to ${format.bytes(limits.max_body_bytes)}`,
    limits.memory_bytes ? `memory up to ${format.bytes(limits.memory_bytes)}` : '',
    overview.requests_refused ? `${format.count(overview.requests_refused)} requests refused for want of room` : '',
  ].filter(Boolean).join(' · ');
  tick(clock);
  if (latest.history && latest.history.total.requests === 0) drawEmpty(latest.history.range);
}

// drawProviders needs both how providers stand and what there was of them.
function drawProviders() {
  const { overview, history } = latest;
  if (!overview) return;
  const tried = new Map((history?.tried?.all ?? []).map((line) => [line.name, line.total]));
  for (const provider of overview.providers) if (fails(tried.get(provider.name))) past.fill(provider);
  failing(byId('failing'), overview.providers, tried, (provider) => {
    const to = clock.now();
    showRequests({ provider, start: Math.floor(to - state.range), end: Math.ceil(to) });
  });
  providers.show(overview.providers, tried);
  tick(clock);
}

function drawLive() {
  const { live } = latest;
  openRequests(byId('live'), live);
  byId('live-count').textContent = live.requests.length < live.in_flight ? `the oldest ${live.requests.length} of ${format.count(live.in_flight)}` : '';
  if (latest.history) tiles(byId('tiles'), latest.history.total, latest.history.range, live);
  tick(clock);
}

function drawTroubles() {
  const pulse = byId('pulse');
  pulse.classList.toggle('lost', troubles.size > 0);
  pulse.textContent = answered ? `${troubles.size ? 'as of' : 'at'} ${format.moment(answered / 1000)}` : '';
  const list = [...new Set(troubles.values())].map((text) => el('p', { className: 'trouble' }, `${text} ${answered ? 'What is shown is older. ' : ''}Trying again.`));
  const { overview } = latest;
  if (overview?.cluster?.up === false) list.push(el('p', { className: 'trouble' }, `Redis has not answered for ${format.duration(overview.now - overview.cluster.since)}; this instance shares nothing with others meanwhile: ${overview.cluster.error}`));
  if (overview?.ledger_error) list.push(el('p', { className: 'trouble' }, `The ledger cannot be written, and usage is kept meanwhile: ${overview.ledger_error}`));
  if (overview?.reload_error) list.push(el('p', { className: 'trouble' }, `The configuration was changed and cannot be used; the one before it stays in force. ${overview.reload_error}`));
  if (overview?.left_out?.length) {
    list.push(el('div', { className: 'trouble' }, 'Left out of the configuration, because of an error; the rest serves:',
      el('ul', {}, ...overview.left_out.slice(0, 20).map((left) => el('li', {}, left.name ? `${left.item.replace('_', ' ')} ${left.name}: ${left.problem}` : left.problem))),
      overview.left_out.length > 20 ? `and ${overview.left_out.length - 20} more, which uni-api check lists.` : ''));
  }
  if (overview?.draining) list.push(el('p', { className: 'trouble mild' }, 'The gateway is about to end: it finishes what it has and takes nothing new.'));
  fill(byId('troubles'), list);
}

setInterval(() => tick(clock), 1000);
drawTheme();
if (key.get()) begin();
else showSignIn();
