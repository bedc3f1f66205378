// Answers over HTTP: as JSON, or as an event stream that begins before the answer is known and may be left and come
// back to. And the streams of GET, which belong to no request.

import { randomUUID } from 'node:crypto';

import { answer } from './protocol.mjs';
import { Stream, Streams } from './streams.mjs';
import { prelude, tell } from './told.mjs';
import { FULL, send, sendJson } from './write.mjs';

const CHANNEL_WAIT_MS = 5000;
const CHANNEL_STEP_MS = 10;

export const plain = (res, status, text, knobs, headers = {}) =>
  send(res, status, { 'content-type': 'text/plain', ...headers }, text, knobs);

// Modern servers map some errors to a status; legacy ones answer 200 to whatever they understood.
function statusOf(reply, session) {
  if (session || !reply.error) return 200;
  return { '-32601': 404, '-32602': 200, 1234: 200 }[reply.error.code] ?? 400;
}

const sendText = (res, text, knobs, headers) =>
  send(res, 200, { 'content-type': 'application/json', ...headers }, text, knobs);

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export class HttpStreams {
  constructor(world) {
    this.world = world;
    this.knobs = world.knobs;
    this.ledger = world.ledger;
    this.streams = new Streams();
  }

  async write(res, message, base, headers) {
    if (!this.wantsStream(message, base)) {
      const reply = await answer(message, { ...base, notify: () => {}, channel: () => this.channelOf(base.session) });
      if (reply === undefined) return res.destroy();
      return this.writeJson(res, reply, base, headers);
    }
    return this.writeStream(res, message, base, headers);
  }

  // Only one message has room in it: the first, however many are told.
  async writeJson(res, reply, { fault, session }, headers) {
    for await (const piece of tell(fault, reply, this.around(res))) {
      if (Buffer.isBuffer(piece)) return sendText(res, piece, this.knobs, headers);
      if (!piece.raw) return sendJson(res, statusOf(piece, session), piece, this.knobs, headers);
      if (!res.headersSent) res.writeHead(200, { 'content-type': 'application/json', ...headers });
      res.write(piece.raw);
    }
    return res.end();
  }

  around(res) {
    const isOver = () => res.destroyed;
    return { pairs: this.world.pairs, isOver, isFull: () => isOver() || res.writableLength > FULL };
  }

  // Beside the knob: whoever asks in the stream of the call, or listens, needs one.
  wantsStream(message, { modern, world, fault }) {
    if ((fault?.answer ?? this.knobs.answer) === 'sse') return true;
    if (message.method === 'subscriptions/listen') return true;
    if (modern || this.knobs.ask_on !== 'post') return false;
    if (message.method === 'tools/call') return world.tools.find(message.params?.name)?.asks === true;
    return message.params?.name === 'ask' || message.params?.uri === 'souk://ask';
  }

  async writeStream(res, message, base, headers) {
    const { knobs, world } = this;
    const { session, fault } = base;
    const call = message.method === 'tools/call';
    const mayResume =
      session !== undefined &&
      message.method !== 'initialize' &&
      fault?.ids !== false &&
      (session.revision >= '2025-11-25' || knobs.poll_old);
    const stream = this.streams.add(
      new Stream(knobs, {
        name: mayResume ? `${JSON.stringify(message.id)}-${randomUUID().slice(0, 8)}` : undefined,
        resumedLimit: knobs.poll_again,
        dropAfter: call ? knobs.drop_after : 0,
      }),
    );
    stream.attach(res, headers);
    const poll = knobs.poll && mayResume && call;
    if (mayResume && (knobs.priming || poll)) stream.prime(knobs.retry);
    if (poll) stream.hangUp();
    const notify = (notification) => stream.send(notification);
    const channel = () => (knobs.ask_on === 'post' ? { send: notify, where: 'post' } : this.channelOf(session));
    if (knobs.server_ping && session !== undefined && call) {
      await world.questions.ask({ send: notify, where: 'post', session, method: 'ping' });
    }
    await prelude(fault, message, notify);
    const reply = await answer(message, { ...base, notify, channel, hangUp: () => stream.hangUp() });
    if (reply !== undefined) {
      stream.closeAfter = 0;
      for await (const piece of tell(fault, reply, this.around(res))) stream.tell(piece);
    }
    return stream.end();
  }

  // The stream that a session listens to, as soon as there is one.
  async channelOf(session) {
    for (let waited = 0; waited < CHANNEL_WAIT_MS; waited += CHANNEL_STEP_MS) {
      if (session?.channel) return { send: (message) => session.channel?.send(message), where: 'get' };
      await wait(CHANNEL_STEP_MS);
    }
    throw new Error('the client listens to no stream that could be asked on');
  }

  // GET with Last-Event-ID. Whether there is such a stream.
  resume(req, res) {
    const last = req.headers['last-event-id'];
    if (last === undefined) return false;
    const stream = this.streams.find(last);
    if (!stream) {
      this.ledger.violation(`Last-Event-ID names no event of this server: ${last}`);
      return false;
    }
    const { broken, poll } = stream.resume(res, last);
    this.ledger.polls.push(poll);
    broken.forEach((text) => this.ledger.violation(text));
    this.ledger.save();
    return true;
  }

  // GET without it: the stream of a session, on which the server says what belongs to no request.
  listen(res, session) {
    const { knobs, ledger } = this;
    session.streams = (session.streams ?? 0) + 1;
    const stream = this.streams.add(
      new Stream(knobs, {
        name: knobs.get_ids ? `get-${session.id}-${session.streams}` : undefined,
        resumedLimit: knobs.get_drop,
        closeAfter: knobs.get_drop,
      }),
    );
    const entry = { session: session.id, state: 'open' };
    ledger.streams.push(entry);
    stream.attach(res);
    stream.out.comment('open');
    session.channel = stream;
    const left = () => {
      entry.state = 'closed';
      if (session.channel === stream && !knobs.get_ids) session.channel = undefined;
      ledger.save();
    };
    stream.onLeave = left;
    ledger.save();
  }
}
