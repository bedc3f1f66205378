// Event streams that may outlive their connection: the answer to a POST, or what a GET listens to. With a name, events
// have ids and are kept, and whoever comes back with Last-Event-ID gets what it has missed.

import { asEvent, openStream } from './write.mjs';
import { encode } from './wire.mjs';

const EARLY_MS = 5; // clocks of two processes

export class Stream {
  constructor(knobs, { name, resumedLimit = 0, dropAfter = 0, closeAfter = 0 } = {}) {
    Object.assign(this, { knobs, name, resumedLimit, dropAfter, closeAfter });
    this.events = []; // with ids only
    this.sent = 0; // on this connection
    this.number = 0;
    this.ended = false;
  }

  get isOpen() {
    return this.out !== undefined;
  }

  attach(res, headers = {}) {
    this.res = res;
    this.sent = 0;
    this.out = openStream(res, headers, this.knobs);
    res.on('close', () => {
      if (this.res !== res) return;
      this.out = undefined;
      this.closedAt ??= Date.now();
      this.onLeave?.();
    });
  }

  // The event with an id and no data that comes first.
  prime(retry) {
    this.retry = retry;
    this.push({ retry, data: '' });
  }

  send(message) {
    this.push({ data: encode(message, this.knobs) });
    if (!this.isOpen) return;
    this.sent += 1;
    if (this.dropAfter > 0 && this.sent === this.dropAfter) this.break();
    else if (this.closeAfter > 0 && this.sent === this.closeAfter) this.hangUp();
  }

  push({ retry, data }) {
    const event = { data, retry };
    if (this.name !== undefined) {
      event.id = `${this.name}/${this.number}`;
      this.number += 1;
      this.events.push(event);
    }
    this.out?.event(event);
  }

  // One piece of what is told: a message, bytes in the place of one, or bytes as they are.
  tell(piece) {
    if (piece.raw) return void this.out?.raw(piece.raw);
    if (!Buffer.isBuffer(piece)) return this.send(piece);
    return void this.out?.raw(asEvent(piece));
  }

  // Closes the connection; the stream goes on.
  hangUp() {
    if (!this.out) return false;
    const { out } = this;
    this.out = undefined;
    this.res = undefined;
    this.closedAt = Date.now();
    out.end();
    this.onLeave?.();
    return true;
  }

  // Breaks it, after what was written.
  break() {
    const { res } = this;
    this.dropAfter = 0;
    res.write('', () => res.destroy());
  }

  end() {
    this.ended = true;
    return this.out?.end();
  }

  // Somebody comes back. Gives what the ledger wants to know, and what was done wrong.
  resume(res, last, headers) {
    const broken = [];
    const waited = Date.now() - (this.closedAt ?? Date.now());
    if (this.retry && waited < this.retry - EARLY_MS)
      broken.push(`a stream was resumed after ${waited} ms, retry was ${this.retry}`);
    this.closeAfter = this.resumedLimit;
    this.closedAt = undefined;
    this.attach(res, headers);
    const missed = this.events.slice(Number(last.slice(last.lastIndexOf('/') + 1)) + 1);
    for (const event of missed) this.out.event(event);
    if (this.ended) this.out.end();
    return { broken, poll: { stream: this.name, last, waited, retry: this.retry ?? null } };
  }
}

// The streams of a server that somebody may come back to.
export class Streams {
  constructor() {
    this.byName = new Map();
  }

  add(stream) {
    if (stream.name !== undefined) this.byName.set(stream.name, stream);
    return stream;
  }

  // The stream of an event id, if it has that event.
  find(eventId) {
    const at = (eventId ?? '').lastIndexOf('/');
    const stream = at < 0 ? undefined : this.byName.get(eventId.slice(0, at));
    const number = Number(eventId?.slice(at + 1));
    return stream && Number.isInteger(number) && number < stream.number ? stream : undefined;
  }
}
