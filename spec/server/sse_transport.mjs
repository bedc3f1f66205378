// The transport of 2024-11-05 (HTTP+SSE): GET opens the stream that carries all messages of the server, and its first
// event names the endpoint that takes those of the client.

import { randomUUID } from 'node:crypto';

import { strike } from './faults.mjs';
import { takeFault } from './knobs.mjs';
import { answer, negotiate, newSession } from './protocol.mjs';
import * as rules from './rules.mjs';
import { plain } from './http_streams.mjs';
import { openStream, send } from './write.mjs';
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
    const fault = takeFault(knobs, 'GET');
    if (fault) return strike(fault, undefined, res);
    const session = newSession(randomUUID(), '2024-11-05');
    const stream = openStream(res, {}, knobs);
    const entry = { session: session.id, state: 'open' };
    ledger.streams.push(entry);
    session.channel = {
      send: (message) => stream.event({ data: encode(message, knobs) }),
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
    const where = `${ENDPOINT}?session=${session.id}`;
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
    const fault = takeFault(knobs, message.method ?? 'reply');
    if (fault) return strike(fault, message, res);
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
      const reply = await answer(message, { world, knobs, ledger, modern: false, session, signal, notify, channel });
      if (reply !== undefined) notify(reply);
    });
  }
}
