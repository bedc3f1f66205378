// Streamable HTTP: one POST, GET or DELETE at a time, answered as the knobs say.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { takeFault, offersModern, MODERN } from './knobs.mjs';
import { headersForLog } from './ledger.mjs';
import { answer, failure, negotiate, newSession, refuseModern, unsupported } from './protocol.mjs';
import * as rules from './rules.mjs';
import { commit, strike } from './faults.mjs';
import { openStream, send, sendJson } from './write.mjs';

const BODY_MAX = 64 * 1024 * 1024;
const PING_WAIT_MS = 2000;

export class HttpServer {
  constructor(knobs, ledger) {
    this.knobs = knobs;
    this.ledger = ledger;
    this.sessions = new Map(); // id -> session
    this.parked = new Map(); // event id -> promise of an answer that waits for a GET
    this.pings = new Map(); // id of our ping -> what to do when its reply comes
    this.implicit = undefined; // the one session of a server that hands out no ids
  }

  dropSessions() {
    this.ledger.sessions.dropped.push(...this.sessions.keys());
    this.sessions.clear();
    this.implicit = undefined;
    this.ledger.save();
  }

  async handle(req, res) {
    const { ledger, knobs } = this;
    ledger.count('http', req.method);
    res.on('close', () => {
      if (!res.writableFinished) {
        ledger.aborted += 1;
        ledger.save();
      }
    });
    const body = await readBody(req);
    const message = parse(body);
    const entry = { http: req.method, path: req.url, headers: headersForLog(req.headers, knobs.token) };
    if (message?.method) Object.assign(entry, { method: message.method, id: message.id, name: message.params?.name });
    ledger.request(entry);
    if (knobs.token && req.url.includes(knobs.token)) ledger.violation('the token is in the URL');

    if (knobs.delay) await sleep(knobs.delay);
    if (knobs.token && req.headers.authorization !== `Bearer ${knobs.token}`) return this.refuseStranger(req, res);
    if (req.method === 'POST') return this.post(req, res, message);
    const fault = takeFault(knobs, req.method);
    if (fault) return strike(fault, undefined, res);
    if (req.method === 'GET') return this.get(req, res);
    if (req.method === 'DELETE') return this.delete(req, res);
    return send(res, 405, { 'content-type': 'text/plain', allow: 'POST' }, 'Method Not Allowed', knobs);
  }

  refuseStranger(req, res) {
    const missing = req.headers.authorization === undefined;
    const headers = { 'content-type': 'text/plain', 'www-authenticate': 'Bearer realm="souk-scripted"' };
    send(res, 401, headers, missing ? 'missing required Authorization header' : 'bad credentials', this.knobs);
  }

  async post(req, res, message) {
    const { knobs, ledger } = this;
    const broken = [...rules.postRules(req.headers), ...rules.messageRules(message)];
    broken.forEach((text) => ledger.violation(text));
    if (message === undefined || Array.isArray(message)) {
      return sendJson(res, 400, failure(null, -32700, 'Parse error'), knobs);
    }
    if (message.method) ledger.count('methods', message.method);
    if (rules.isReply(message)) return this.takeReply(req, res, message);
    return rules.isModern(message) ? this.modern(req, res, message) : this.legacy(req, res, message);
  }

  async modern(req, res, message) {
    const { knobs, ledger } = this;
    if (!offersModern(knobs)) {
      const refusal = refuseModern(knobs.discover, message.id);
      if (!refusal) return undefined;
      if (typeof refusal.body === 'object') return sendJson(res, refusal.status, refusal.body, knobs);
      return send(res, refusal.status, { 'content-type': 'text/plain' }, refusal.body, knobs);
    }
    rules.modernRules(message, req.headers).forEach((text) => ledger.violation(text));
    if (rules.isNotification(message)) return send(res, 202, {}, '', knobs);
    if (rules.meta(message, 'protocolVersion') !== MODERN) {
      return sendJson(res, 400, unsupported(knobs, message.id, rules.meta(message, 'protocolVersion')), knobs);
    }
    return this.answer(req, res, message, { modern: true });
  }

  async legacy(req, res, message) {
    const { knobs, ledger } = this;
    if (message.method === 'initialize') return this.initialize(req, res, message);
    const session = this.sessionOf(req);
    rules.legacyRules(message, session, req.headers).forEach((text) => ledger.violation(text));
    if (!session) return this.refuseSession(req, res, message);
    if (message.method === 'tools/call' && knobs.session_calls > 0 && session.calls >= knobs.session_calls) {
      this.sessions.delete(session.id);
      ledger.sessions.dropped.push(session.id);
      return this.refuseSession(req, res, message);
    }
    if (message.method === 'tools/call') session.calls += 1;
    if (rules.isNotification(message)) return this.notification(res, message, session);
    return this.answer(req, res, message, { modern: false, session });
  }

  async initialize(req, res, message) {
    const { knobs, ledger } = this;
    rules.legacyRules(message, undefined, req.headers).forEach((text) => ledger.violation(text));
    const revision = negotiate(knobs, message.params?.protocolVersion);
    if (!revision) return sendJson(res, 400, unsupported(knobs, message.id, message.params?.protocolVersion), knobs);
    const session = newSession(randomUUID(), revision);
    session.ids.add(message.id);
    const fault = takeFault(knobs, 'initialize');
    if (fault) return strike(fault, message, res);
    const headers = {};
    if (knobs.session === 'none') {
      this.implicit = session;
    } else {
      this.sessions.set(session.id, session);
      ledger.sessions.issued.push(session.id);
      headers['mcp-session-id'] = session.id;
    }
    ledger.save();
    return this.write(res, message, session, headers, () => answer(message, { knobs, ledger, session }));
  }

  sessionOf(req) {
    if (this.knobs.session === 'none') return this.implicit;
    return this.sessions.get(req.headers['mcp-session-id']);
  }

  refuseSession(req, res, message) {
    const { knobs } = this;
    if (knobs.session === 'none') return sendJson(res, 400, failure(null, -32000, 'Bad Request: Server not initialized'), knobs);
    const id = message?.id ?? null;
    if (req.headers['mcp-session-id'] === undefined) {
      return sendJson(res, 400, failure(null, -32000, 'Bad Request: Mcp-Session-Id header is required'), knobs);
    }
    switch (knobs.lost) {
      case '404':
        return sendJson(res, 404, failure(id, -32001, 'Session not found'), knobs);
      case '404-plain':
        return send(res, 404, { 'content-type': 'text/plain' }, 'session not found', knobs);
      case '400':
        return sendJson(res, 400, failure(null, -32000, 'Bad Request: No valid session ID provided'), knobs);
      default:
        return sendJson(res, 200, failure(id, -32001, 'Session expired'), knobs);
    }
  }

  notification(res, message, session) {
    if (message.method === 'notifications/initialized') session.initialized = true;
    if (message.method === 'notifications/cancelled') this.ledger.cancelled.push(message.params?.requestId);
    this.ledger.save();
    const fault = takeFault(this.knobs, message.method);
    return fault ? strike(fault, message, res) : send(res, 202, {}, '', this.knobs);
  }

  takeReply(req, res, message) {
    this.ledger.replies += 1;
    const session = this.sessionOf(req);
    if (session) rules.legacyRules(message, session, req.headers).forEach((text) => this.ledger.violation(text));
    this.pings.get(message.id)?.();
    this.ledger.save();
    return send(res, 202, {}, '', this.knobs);
  }

  async answer(req, res, message, { modern, session }) {
    const { knobs, ledger } = this;
    const run = (notify) => answer(message, { knobs, ledger, modern, session, notify });
    const fault = takeFault(knobs, message.method);
    if (fault) {
      const reply = fault.executed ? await run(() => {}) : undefined;
      return strike(fault, message, res, commit(reply));
    }
    return this.write(res, message, session, {}, run);
  }

  // As JSON, or as an event stream that begins before the answer is known.
  async write(res, message, session, headers, run) {
    const { knobs } = this;
    if (knobs.answer !== 'sse') {
      const reply = await run(() => {});
      return sendJson(res, statusOf(reply, session), reply, knobs, headers);
    }
    const stream = openStream(res, headers, knobs);
    const mayResume = session !== undefined && session.revision >= '2025-11-25';
    const call = message.method === 'tools/call';
    const id = `${message.id}-${randomUUID().slice(0, 8)}`;
    if (knobs.priming && mayResume) stream.event({ id, retry: knobs.retry, data: '' });
    if (knobs.poll && mayResume && call) {
      if (!knobs.priming) stream.event({ id, retry: knobs.retry, data: '' });
      this.parked.set(id, run(() => {}));
      return stream.end();
    }
    if (knobs.server_ping && session !== undefined && call) await this.ping(stream);
    const reply = await run((notification) => stream.event({ data: JSON.stringify(notification) }));
    stream.event({ id: mayResume ? `${id}-end` : undefined, data: JSON.stringify(reply) });
    return stream.end();
  }

  async ping(stream) {
    const id = `ping-${randomUUID().slice(0, 8)}`;
    let timer;
    const late = new Promise((done) => {
      timer = setTimeout(() => {
        this.ledger.violation('a ping of the server was not answered');
        done();
      }, PING_WAIT_MS);
    });
    const replied = new Promise((done) => this.pings.set(id, done));
    stream.event({ data: JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' }) });
    await Promise.race([replied, late]);
    clearTimeout(timer);
    this.pings.delete(id);
  }

  async get(req, res) {
    const { knobs, ledger } = this;
    if (!(req.headers.accept ?? '').includes('text/event-stream')) ledger.violation('GET does not accept text/event-stream');
    const last = req.headers['last-event-id'];
    const parked = this.parked.get(last);
    if (parked) {
      this.parked.delete(last);
      const stream = openStream(res, {}, knobs);
      stream.event({ id: `${last}-end`, data: JSON.stringify(await parked) });
      return stream.end();
    }
    if (knobs.get !== 'stream') return send(res, 405, { 'content-type': 'text/plain', allow: 'POST' }, 'Method Not Allowed', knobs);
    if (!this.sessionOf(req)) return this.refuseSession(req, res);
    openStream(res, {}, knobs).comment('open');
    return undefined;
  }

  delete(req, res) {
    const { knobs, ledger } = this;
    const session = this.sessionOf(req);
    if (!session) return this.refuseSession(req, res);
    const version = req.headers['mcp-protocol-version'];
    if (session.revision >= '2025-06-18' && version !== session.revision) {
      ledger.violation(`DELETE: MCP-Protocol-Version is ${version ?? 'missing'}`);
    }
    if (knobs.delete === '405') return send(res, 405, { allow: 'POST' }, '', knobs);
    this.sessions.delete(session.id);
    ledger.sessions.deleted.push(session.id);
    ledger.save();
    return send(res, 200, {}, '', knobs);
  }
}

// Modern servers map some errors to a status; legacy ones answer 200 to whatever they understood.
function statusOf(reply, session) {
  if (session || !reply.error) return 200;
  return { '-32601': 404, '-32602': 200 }[reply.error.code] ?? 400;
}

function parse(body) {
  try {
    return body.length > 0 ? JSON.parse(body.toString('utf8')) : undefined;
  } catch {
    return undefined;
  }
}

async function readBody(req) {
  const pieces = [];
  let size = 0;
  for await (const piece of req) {
    size += piece.length;
    if (size <= BODY_MAX) pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
