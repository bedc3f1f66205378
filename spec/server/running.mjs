// Requests that are being answered: so that they can be cancelled, and progress tokens are seen to be unique.

const keyOf = (session, id) => `${session?.id ?? ''} ${JSON.stringify(id)}`;

export class Running {
  constructor() {
    this.stops = new Map();
  }

  // Runs `work(signal)` as the answer to `message`. `cancelled` of a later notification ends the signal.
  async run(message, session, work) {
    const stop = new AbortController();
    const key = keyOf(session, message.id);
    const token = message.params?._meta?.progressToken;
    this.stops.set(key, stop);
    if (token !== undefined) session?.tokens.add(token);
    try {
      return await work(stop);
    } finally {
      if (this.stops.get(key) === stop) this.stops.delete(key);
      session?.tokens.delete(token);
    }
  }

  cancel(session, id) {
    this.stops.get(keyOf(session, id))?.abort();
  }
}
