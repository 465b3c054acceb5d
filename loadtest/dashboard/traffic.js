// What clients ask of the gateway while the page is looked at.

import { keys, story } from './servers.js';

// The shares of what is asked for.
const mix = [
  [10, 'web', 'gpt-4o', true], [9, 'web', 'gpt-4o-mini', true], [4, 'web', 'llama-3.3-70b', true], [5, 'batch', 'claude-sonnet', false],
  [3, 'batch', 'gpt-4o', false], [4, 'nightly', 'deepseek-chat', false],
];
const all = mix.reduce((sum, [share]) => sum + share, 0);

function draw() {
  let at = Math.random() * all;
  return mix.find(([share]) => (at -= share) < 0) ?? mix[0];
}

// question asks for an answer with one of the keys.
export const question = (base, key, body, signal) => fetch(`${base}/v1/chat/completions`, {
  method: 'POST', signal, headers: { Authorization: `Bearer ${keys[key]}`, 'Content-Type': 'application/json' },
  body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello!' }], ...body }),
});

async function one(base) {
  const [, key, model, stream] = draw();
  const answer = await question(base, key, { model, stream });
  await answer.text(); // some fail: that is to be seen on the page
}

// burst asks n times, eight at a time, and everything that is in the mix at least once.
export async function burst(base, n) {
  for (const [, key, model, stream] of mix) await (await question(base, key, { model, stream })).text();
  while ((await question(base, 'nightly', { model: 'deepseek-chat' })).ok); // one in ten fails
  let left = n;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (left-- > 0) await one(base);
  }));
}

// flow asks for some minutes, now more and now less.
export async function flow(base, minutes) {
  const under = new Set();
  const begin = Date.now();
  for (let gone = 0; gone < minutes * 60; gone = (Date.now() - begin) / 1000) {
    const request = one(base).finally(() => under.delete(request));
    under.add(request);
    const perSecond = 2.2 + 1.3 * Math.sin(gone / 400) + 0.7 * Math.sin(gone / 97);
    await new Promise((next) => setTimeout(next, (-Math.log(1 - Math.random()) * 1000) / Math.max(perSecond, 0.3)));
  }
  await Promise.all(under);
}

// openStream begins a stream that goes on until the function it returns is called.
export async function openStream(base) {
  const leave = new AbortController();
  const answer = await question(base, 'web', { model: story, stream: true }, leave.signal);
  const reader = answer.body.getReader();
  await reader.read();
  const rest = (async () => {
    while (!(await reader.read()).done);
  })().catch(() => {}); // it ends by being left
  return async () => {
    leave.abort();
    await rest;
  };
}
