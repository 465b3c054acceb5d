// Why attempts failed before the gateway was started: it remembers reasons no longer than it runs, but request_log may have them.

const looked = 200; // requests, of each provider

// Past finds them, once for each provider.
export class Past {
  #found = new Map();

  // found is called when there is more to show.
  constructor(ask, found) {
    Object.assign(this, { ask, found });
  }

  // fill gives a provider the reasons that the log has, as the gateway tells its own.
  fill(provider) {
    if (provider.reasons.length) return;
    const known = this.#found.get(provider.name);
    if (known) provider.reasons = known;
    else if (known === undefined) this.#look(provider.name);
  }

  async #look(name) {
    this.#found.set(name, null);
    try {
      const { requests } = await this.ask('requests', { provider: name, limit: looked });
      this.#found.set(name, reasonsOf(name, requests));
      this.found();
    } catch {
      // Nothing is kept: the page says what to do.
    }
  }
}

// reasonsOf are the reasons that differ by more than numbers, the last first.
function reasonsOf(name, requests) {
  const reasons = new Map();
  for (const request of requests) {
    for (const attempt of request.attempts ?? []) {
      if (attempt.provider !== name || !attempt.error || attempt.outrun) continue;
      const shape = `${attempt.status} ${attempt.error.slice(0, 80).replace(/\d/g, '')}`;
      const reason = reasons.get(shape) ?? { status: attempt.status, error: attempt.error, model: request.model, count: 0, at: Date.parse(request.time) / 1000 };
      reason.count++;
      reasons.set(shape, reason);
    }
  }
  return [...reasons.values()].slice(0, 6);
}
