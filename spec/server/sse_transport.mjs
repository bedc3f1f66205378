// The transport of 2024-11-05 (HTTP+SSE): GET opens the stream that carries all messages of the server, and its first
// event names the endpoint that takes those of the client.

import { randomUUID } from 'node:crypto';

import { bend, isBend } from './bend.mjs';
import { takeFault } from './fault_queue.mjs';
import { strike } from './faults.mjs';
import { answer, negotiate, newSession } from './protocol.mjs';
import * as rules from './rules.mjs';
import { plain } from './http_streams.mjs';
import { isTelling, prelude, tell } from './told.mjs';
import { asEvent, openStream, send, FULL } from './write.mjs';
import { encode } from './wire.mjs';

export const ENDPOINT = '/messages';

export class OldTransport {
  constructor(world, running) {
    this.world = world;
    this.knobs = world.knobs;
    this.ledger = world.ledger;
    this.running = running;
    this.sessions = new Map();
  }

  all() {
    return [...this.sessions.values()];
  }

  clear() {
    this.sessions.clear();
  }

  handle(req, res, message) {
    const { knobs } = this;
    const { pathname, searchParams } = new URL(req.url, 'http://any');
    if (req.method === 'GET' && pathname !== ENDPOINT) return this.open(req, res);
    if (req.method !== 'POST' || pathname !== ENDPOINT)
      return plain(res, 405, 'Method Not Allowed', knobs, { allow: 'GET' });
    const session = this.sessions.get(searchParams.get('session'));
    if (!session) return plain(res, 404, 'there is no such session', knobs);
    return this.take(req, res, message, session);
  }

  // A stream, which is a session; the revision is negotiated in it.
  open(req, res) {
    const { knobs, ledger, world } = this;
    if (!(req.headers.accept ?? '').includes('text/event-stream'))
      ledger.violation('GET does not accept text/event-stream');
    const fault = takeFault(knobs, 'GET', undefined, req.url);
    if (fault) return strike(fault, undefined, res);
    const session = newSession(randomUUID(), '2024-11-05');
    const stream = openStream(res, {}, knobs);
    const entry = { session: session.id, state: 'open' };
    ledger.streams.push(entry);
    session.stream = res;
    session.channel = {
      send: (message) => stream.event({ data: encode(message, knobs) }),
      raw: stream.raw,
      hangUp: () => stream.end() !== undefined,
    };
    this.sessions.set(session.id, session);
    world.sessions.add(session);
    res.on('close', () => {
      entry.state = 'closed';
      this.sessions.delete(session.id);
      world.endSession(session);
      ledger.save();
    });
    const own = new URL(req.url, 'http://any').search.replace('?', '&'); // what tells one client from another
    const where = `${ENDPOINT}?session=${session.id}${own}`;
    const named = {
      relative: where,
      absolute: `http://${req.headers.host}${where}`,
      foreign: `http://127.0.0.1:1${where}`,
    };
    if (knobs.sse_endpoint in named) stream.event({ name: 'endpoint', data: named[knobs.sse_endpoint] });
    ledger.save();
    return undefined;
  }

  async take(req, res, message, session) {
    const { knobs, ledger, world } = this;
    const broken = [...rules.messageRules(message), ...rules.legacyRules(message, session)];
    broken.forEach((text) => ledger.violation(text));
    if (message === undefined) return plain(res, 400, 'this is no JSON', knobs);
    if (message.method) {
      ledger.count('methods', message.method);
      ledger.look(message);
    }
    const fault = takeFault(knobs, message.method ?? 'reply', message, req.url);
    if (fault?.kind === 'lose_session') return this.loseSession(res, session);
    if (fault && !isBend(fault) && !isTelling(fault)) return strike(fault, message, res);
    if (isBend(fault) && fault.on !== 'stream') bend(res, fault);
    send(res, 202, {}, 'Accepted', knobs);
    if (rules.isReply(message)) return world.questions.take(message, session);
    if (message.method === 'notifications/initialized') session.initialized = true;
    if (message.method === 'notifications/cancelled') {
      ledger.cancelled.push(message.params?.requestId);
      this.running.cancel(session, message.params?.requestId);
    }
    if (message.method === 'initialize') {
      session.revision = negotiate(knobs, message.params?.protocolVersion) ?? '2024-11-05';
      session.capabilities = message.params?.capabilities ?? {};
      session.ids.add(message.id);
    }
    if (!rules.isRequest(message)) return undefined;
    const notify = (one) => session.channel.send(one);
    const channel = () => ({ send: notify, where: 'sse' });
    return this.running.run(message, session, async ({ signal }) => {
      await prelude(fault, message, notify);
      const reply = await answer(message, { world, knobs, ledger, modern: false, session, signal, notify, channel });
      if (reply === undefined) return;
      if (isBend(fault) && fault.on === 'stream') bend(session.stream, fault);
      for await (const piece of tell(fault, reply, this.around(session))) this.tellPiece(session, piece);
    });
  }

  around({ stream }) {
    const isOver = () => stream.destroyed;
    return { pairs: this.world.pairs, isOver, isFull: () => isOver() || stream.writableLength > FULL };
  }

  tellPiece({ channel }, piece) {
    if (piece.raw) channel.raw(piece.raw);
    else if (Buffer.isBuffer(piece)) channel.raw(asEvent(piece));
    else channel.send(piece);
  }

  loseSession(res, session) {
    this.sessions.delete(session.id);
    this.ledger.sessions.dropped.push(session.id);
    return plain(res, 404, 'there is no such session', this.knobs);
  }
}
