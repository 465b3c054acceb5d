// The gateway and its providers as processes on loopback, and the api.yaml between them.

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';

const secret = () => `sk-${randomBytes(18).toString('hex')}`;

// Keys are made up anew each time.
export const keys = { admin: secret(), web: secret(), batch: secret(), nightly: secret() };

// A model may be called anything. This one is dangerous for a page that takes names for HTML.
export const evil = '<img src=x onerror=window.harmed=1>';

export const seldom = ['seldom-1', 'seldom-2', 'seldom-3']; // more models than the page has colours

export const story = 'long-story'; // its streams stay open for minutes

// Each is `uni-api mock` with its own manners.
const mocks = {
  fast: ['--latency', '90ms', '--gap', '12ms'],
  slow: ['--latency', '340ms', '--gap', '20ms'],
  moody: ['--latency', '180ms', '--gap', '15ms', '--error-rate', '0.1'],
  broken: ['--error-rate', '1'],
  sluggish: ['--latency', '1500ms'],
  endless: ['--events', '900', '--gap', '400ms', '--latency', '250ms'],
};

const config = (base) => JSON.stringify({ // JSON is YAML
  providers: [
    { provider: 'north', base_url: base.fast, api: [secret(), secret()], model: ['gpt-4o', 'gpt-4o-mini', 'llama-3.3-70b'] },
    { provider: 'south', base_url: base.slow, api: secret(), model: ['gpt-4o', { 'anthropic/claude-sonnet-4.5': 'claude-sonnet' }, ...seldom, evil] },
    { provider: 'east', base_url: base.broken, api: [secret(), secret(), secret()], model: ['gpt-4o-mini'], preferences: { api_key_cooldown_period: 120 } },
    { provider: 'west', base_url: base.moody, api: secret(), model: ['deepseek-chat'] },
    { provider: 'harbour', base_url: base.endless, model: [story] },
  ],
  api_keys: [
    { api: keys.admin, role: 'admin' },
    { api: keys.web, role: 'web', model: [{ 'north/*': 3 }, { 'south/*': 1 }, { 'east/*': 1 }, 'all'], preferences: { SCHEDULING_ALGORITHM: 'weighted_round_robin' } },
    { api: keys.batch, role: 'batch', model: ['south/*', 'all'], preferences: { credits: 500, rate_limit: '100000/day' } },
    { api: keys.nightly, role: 'nightly', preferences: { AUTO_RETRY: false } },
  ],
  preferences: {
    request_log: 'metadata',
    cooldown_period: 600,
    model_price: { 'gpt-4o-mini': '0.15,0.6', 'gpt-4o': '2.5,10', claude: '3,15', deepseek: '0.28,0.42', default: '0.6,0.6' },
  },
}, null, 1);

// What was asked last month, as the Python uni-api has it: 3 million tokens in and half a million out, which cost $16.50.
export const lastMonth = { key: 'web', model: 'claude-sonnet', cost: '$16.50' };

function history() {
  const now = new Date();
  const day = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 2, 12)).toISOString().slice(0, 10);
  const rows = [1, 2, 3].map((id) => [id, `${day} 12:0${id}:00`, keys[lastMonth.key], 'south', lastMonth.model, 'POST /v1/chat/completions', 1_000_000, id === 3 ? 500_000 : 0]);
  return ['id,timestamp,api_key,provider,model,endpoint,prompt_tokens,completion_tokens', ...rows.map((row) => row.join(','))].join('\n');
}

// Server is a process that listens on a port. What it says goes to a file.
class Server {
  constructor(folder, name, port, binary, args) {
    Object.assign(this, { port, base: `http://127.0.0.1:${port}`, log: join(folder, `${name}.log`) });
    const log = openSync(this.log, 'a');
    this.process = spawn(binary, args, { cwd: folder, stdio: ['ignore', log, log] });
    process.once('exit', () => this.process.kill('SIGKILL')); // whatever the test ends by
    this.ended = new Promise((ended) => this.process.once('exit', ended));
  }

  async ready() {
    for (const late = Date.now() + 15_000; ; await new Promise((next) => setTimeout(next, 20))) {
      const open = await new Promise((done) => {
        const socket = connect(this.port, '127.0.0.1', () => { socket.destroy(); done(true); });
        socket.on('error', () => done(false));
      });
      if (open) return this;
      if (this.process.exitCode !== null || Date.now() > late) {
        throw new Error(`${this.base} takes no connections; it said:\n${readFileSync(this.log)}`);
      }
    }
  }

  async stop() {
    this.process.kill('SIGTERM');
    const kill = setTimeout(() => this.process.kill('SIGKILL'), 3000);
    await this.ended;
    clearTimeout(kill);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

// Town is the gateway and all its providers.
export class Town {
  static async build(binary, folder) {
    const town = new Town();
    const base = {};
    town.mocks = await Promise.all(Object.entries(mocks).map(async ([name, manners]) => {
      const port = await freePort();
      base[name] = `http://127.0.0.1:${port}/v1/chat/completions`;
      return new Server(folder, name, port, binary, ['mock', '--addr', `127.0.0.1:${port}`, ...manners]).ready();
    }));
    town.configure = (change) => writeFileSync(join(folder, 'api.yaml'), change(config(base)), { mode: 0o600 });
    town.configure((text) => text);
    // An incident: for a while a provider takes its time.
    town.slow = (is) => town.configure((text) => (is ? text.replaceAll(base.fast, base.sluggish) : text));
    execFileSync(binary, ['ledger', 'import', '--config', 'api.yaml', '--data', 'data', '-'], { cwd: folder, input: history() });
    const port = await freePort();
    town.open = async () => {
      town.gateway = await new Server(folder, 'gateway', port, binary,
        ['serve', '--config', 'api.yaml', '--data', 'data', '--listen', `127.0.0.1:${port}`, '--drain-grace', '0s', '--drain-timeout', '1s']).ready();
    };
    await town.open();
    return town;
  }

  get base() {
    return this.gateway.base;
  }

  async close() {
    await Promise.all([this.gateway, ...this.mocks].map((server) => server.stop()));
  }
}
