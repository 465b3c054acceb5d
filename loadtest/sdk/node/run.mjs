// Runs the cases with the Node clients. run.py gives it what to do on stdin and reads a JSON object a line for each case:
// {client, inbound, upstream, case, error}. With --list it prints the clients' names.

import { readFileSync } from 'node:fs';
import { clients } from './clients.mjs';

const spoken = { chat: 'openai', responses: 'responses', messages: 'anthropic', gemini: 'gemini' };

if (process.argv.includes('--list')) {
  console.log(JSON.stringify(clients.map((make) => make('http://127.0.0.1', 'unused').name)));
  process.exit(0);
}

globalThis.AI_SDK_LOG_WARNINGS = false;

const run = JSON.parse(readFileSync(0, 'utf8'));
const { say } = run; // what is asked and answered, as in cases.py

function same(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`${what} is ${JSON.stringify(got)?.slice(0, 300)}, want ${JSON.stringify(want).slice(0, 300)}`);
  }
}

const results = { Paris: '18 degrees, clear', Tokyo: '25 degrees, a typhoon' };

const answered = {
  async plain(at, stream) {
    const answer = await at.client.answer(at.model, { prompt: '[plain] Say something.', stream });
    same('text', answer.text, say.plain);
    same('usage', answer.usage, say.usage);
  },
  async system(at, stream) {
    const answer = await at.client.answer(at.model, { prompt: '[system] What were you told?', system: say.system, stream });
    same('text', answer.text, `The system prompt is: ${say.system}`);
  },
  async 'tool loop'(at, stream) {
    const answer = await at.client.answer(at.model, { prompt: '[tool] How is the weather?', tools: ({ city }) => results[city], stream });
    same('calls', answer.calls.map(({ city, days, note }) => [city, days, note]), ['Paris', 'Tokyo'].map((city) => [city, 2, 'say "ü"']));
    const [paris, tokyo] = answer.text.split('; Tokyo: ');
    if (!paris.startsWith('Paris: ') || !paris.includes(results.Paris) || !tokyo?.includes(results.Tokyo)) {
      throw new Error(`the answer does not quote the results: ${answer.text}`);
    }
  },
  async image(at, stream) {
    const answer = await at.client.answer(at.model, { prompt: '[image] What do you see?', png: say.png, stream });
    same('text', answer.text, say.seen);
  },
  async structured(at, stream) {
    const answer = await at.client.answer(at.model, { prompt: '[json] Report.', schema: true, stream });
    const { city, now, days } = answer.parsed;
    const day = { degrees: 18, sky: 'clear' };
    same('report', [city, now.degrees, now.sky, days.map(({ degrees, sky }) => [degrees, sky])], ['Paris', day.degrees, day.sky, [[day.degrees, day.sky]]]);
  },
  async reasoning(at, stream) {
    const answer = await at.client.answer(at.model, { prompt: '[reason] How is the weather in Paris?', tools: () => '18 degrees', reason: true, stream });
    same('calls', answer.calls.map(({ city }) => city), ['Paris']);
    if (!answer.text.startsWith('Paris: ') || !answer.text.includes('18 degrees')) throw new Error(`the answer does not quote the result: ${answer.text}`);
    if (at.client.shows) same('thought', answer.thought, say.thought);
  },
  async long(at, stream) {
    same('text', (await at.client.answer(at.model, { prompt: '[long] Go on.', stream })).text, say.long);
  },
};

async function cut(at) {
  let text = '';
  try {
    await at.client.read(at.failing('cut'), '[cut] Go on.', (piece) => (text += piece));
  } catch {
    if (!text || text === say.long || !say.long.startsWith(text)) throw new Error(`what was read before is not the beginning of the text: ${text.slice(0, 100)}`);
    return;
  }
  throw new Error(`nothing was thrown after ${text.length} letters of ${say.long.length}`);
}

const failing = (want, scene, message) => async (at, stream) => {
  try {
    const model = at.failing(stream ? `${scene}-stream` : scene);
    const prompt = `[${scene}] Fail.`;
    await (stream ? at.client.read(model, prompt, () => {}) : at.client.answer(model, { prompt }));
  } catch (error) {
    const got = at.client.status(error);
    if (got === undefined) throw new Error(`threw ${error?.constructor?.name}, which is not the SDK's own: ${error}`);
    if (got !== want && !(want > 500 && got > 500)) throw new Error(`status ${got}, want ${want}: ${error}`);
    if (!String(error.message).includes(message)) throw new Error(`the message does not say ${message}: ${error.message}`);
    return;
  }
  throw new Error('nothing was thrown');
};

const cases = [
  ['plain', answered.plain, false],
  ['plain, streamed', answered.plain, true],
  ['system', answered.system, false],
  ['tool loop', answered['tool loop'], false],
  ['tool loop, streamed', answered['tool loop'], true],
  ['image', answered.image, false],
  ['structured', answered.structured, false],
  ['structured, streamed', answered.structured, true],
  ['reasoning', answered.reasoning, false],
  ['reasoning, streamed', answered.reasoning, true],
  ['long, streamed', answered.long, true],
  ['cut, streamed', cut, true],
  ['400', failing(400, 'error400', 'The scene asks for a bad request.'), false],
  ['429', failing(429, 'error429', 'Rate limit'), false],
  ['429, streamed', failing(429, 'error429', 'Rate limit'), true],
  ['500', failing(500, 'error500', 'The scene asks for a server error.'), false],
  ['overloaded', failing(503, 'overloaded', ''), false],
];

for (const make of clients) {
  const client = make(run.base, run.key);
  if (!client.name.includes(run.client)) continue;
  for (const upstream of run.direct ? [spoken[client.inbound]] : Object.keys(run.models)) {
    if (run.upstream && run.upstream !== upstream) continue;
    const model = run.direct ? run.models[upstream] : upstream;
    const failingModel = (scene) => (run.direct ? model : `${upstream}-${client.name.replaceAll(' ', '-')}-${scene}`);
    for (const [name, test, stream] of cases) {
      if (!name.includes(run.case)) continue;
      let error = null;
      try {
        await test({ client, model, failing: failingModel }, stream);
      } catch (thrown) {
        error = run.verbose ? String(thrown?.stack ?? thrown) : String(thrown);
      }
      console.log(JSON.stringify({ client: client.name, inbound: client.inbound, upstream, case: name, error }));
    }
  }
}
