// Streamable HTTP: one POST, GET or DELETE at a time, answered as the knobs say. How an answer is written, and what a
// GET listens to, is in http_streams.mjs.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { bend, isBend } from './bend.mjs';
import { strikeRequest } from './early.mjs';
import { failure } from './errors.mjs';
import { takeFault } from './fault_queue.mjs';
import { strike, commit } from './faults.mjs';
import { HttpStreams, plain } from './http_streams.mjs';
import { offersModern } from './knobs.mjs';
import { headersForLog } from './ledger.mjs';
import { answer, negotiate, newSession, refuseModern, unsupported } from './protocol.mjs';
import * as rules from './rules.mjs';
import { modernRules, paramHeaderRules } from './rules_modern.mjs';
import { Running } from './running.mjs';
import { OldTransport } from './sse_transport.mjs';
import { isTelling } from './told.mjs';
import { send, sendJson } from './write.mjs';

const BODY_MAX = 64 * 1024 * 1024;

export class HttpServer {
  constructor(world) {
    this.world = world;
    this.knobs = world.knobs;
    this.ledger = world.ledger;
    this.sessions = new Map(); // id -> session
    this.implicit = undefined; // the one session of a server that hands out no ids
    this.running = new Running();
    this.streams = new HttpStreams(world);
    this.old = new OldTransport(world, this.running);
  }

  dropSessions() {
    const all = [...this.sessions.values(), ...(this.implicit ? [this.implicit] : []), ...this.old.all()];
    this.ledger.sessions.dropped.push(...this.sessions.keys());
    for (const session of all) {
      this.world.endSession(session);
      session.channel?.hangUp?.();
    }
    this.sessions.clear();
    this.old.clear();
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
    if (req.method === 'POST' && (await strikeRequest(knobs, req))) return undefined;
    const body = await readBody(req);
    const message = parse(body);
    const entry = { http: req.method, path: req.url, headers: headersForLog(req.headers, knobs.token) };
    if (message?.method) Object.assign(entry, { method: message.method, id: message.id, name: message.params?.name });
    ledger.request(entry);
    if (knobs.token && req.url.includes(knobs.token)) ledger.violation('the token is in the URL');

    if (knobs.delay) await sleep(knobs.delay);
    if (knobs.token && req.headers.authorization !== `Bearer ${knobs.token}`) return this.refuseStranger(req, res);
    if (knobs.transport === 'sse') return this.old.handle(req, res, message);
    if (req.method === 'POST') return this.post(req, res, message);
    const fault = takeFault(knobs, req.method, undefined, req.url);
    if (fault) return strike(fault, undefined, res);
    if (req.method === 'GET') return this.get(req, res);
    if (req.method === 'DELETE') return this.delete(req, res);
    return plain(res, 405, 'Method Not Allowed', knobs, { allow: 'POST' });
  }

  refuseStranger(req, res) {
    const missing = req.headers.authorization === undefined;
    const headers = { 'www-authenticate': 'Bearer realm="souk-scripted"' };
    plain(res, 401, missing ? 'missing required Authorization header' : 'bad credentials', this.knobs, headers);
  }

  async post(req, res, message) {
    const { knobs, ledger } = this;
    const broken = [...rules.postRules(req.headers), ...rules.messageRules(message)];
    broken.forEach((text) => ledger.violation(text));
    if (message === undefined || Array.isArray(message)) {
      return sendJson(res, 400, failure(null, -32700, 'Parse error'), knobs);
    }
    if (message.method) {
      ledger.count('methods', message.method);
      ledger.look(message);
    }
    if (rules.isReply(message)) return this.takeReply(req, res, message);
    return rules.isModern(message) ? this.modern(req, res, message) : this.legacy(req, res, message);
  }

  async modern(req, res, message) {
    const { knobs, ledger } = this;
    if (!offersModern(knobs)) {
      const refusal = refuseModern(knobs.discover, message.id);
      if (!refusal) return undefined;
      if (typeof refusal.body === 'object') return sendJson(res, refusal.status, refusal.body, knobs);
      return plain(res, refusal.status, refusal.body, knobs);
    }
    modernRules(message, req.headers).forEach((text) => ledger.violation(text));
    if (rules.isNotification(message)) return send(res, 202, {}, '', knobs);
    const asked = rules.meta(message, 'protocolVersion');
    if (!knobs.revisions.includes(asked)) return sendJson(res, 400, unsupported(knobs, message.id, asked), knobs);
    const mismatch = this.headerMismatch(req, message);
    if (mismatch) return sendJson(res, 400, failure(message.id, -32020, `Header mismatch: ${mismatch}`), knobs);
    return this.answer(req, res, message, { modern: true });
  }

  // What is wrong with the Mcp-Param headers of a call. It is no violation when they fit the tool as it was before.
  headerMismatch(req, message) {
    if (message.method !== 'tools/call') return undefined;
    const schema = this.world.tools.find(message.params?.name)?.inputSchema;
    if (!schema) return undefined;
    const broken = paramHeaderRules(schema, message, req.headers);
    if (broken.length === 0) return undefined;
    const text = broken.join('; ');
    this.ledger.mismatches.push(text);
    const fitted = this.world.tools
      .schemasBefore()
      .some((before) => paramHeaderRules(before, message, req.headers).length === 0);
    if (message.params.name !== 'headers' || !fitted) this.ledger.violation(`tools/call: ${text}`);
    return text;
  }

  async legacy(req, res, message) {
    const { knobs, ledger } = this;
    if (message.method === 'initialize') return this.initialize(req, res, message);
    const session = this.sessionOf(req);
    rules.legacyRules(message, session, req.headers).forEach((text) => ledger.violation(text));
    if (!session) return this.refuseSession(req, res, message);
    if (message.method === 'tools/call' && knobs.session_calls > 0 && session.calls >= knobs.session_calls) {
      this.forget(session);
      return this.refuseSession(req, res, message);
    }
    if (message.method === 'tools/call') session.calls += 1;
    if (rules.isNotification(message)) return this.notification(req, res, message, session);
    return this.answer(req, res, message, { modern: false, session });
  }

  async initialize(req, res, message) {
    const { knobs, ledger } = this;
    rules.legacyRules(message, undefined, req.headers).forEach((text) => ledger.violation(text));
    const revision = negotiate(knobs, message.params?.protocolVersion);
    if (!revision) return sendJson(res, 400, unsupported(knobs, message.id, message.params?.protocolVersion), knobs);
    const session = newSession(randomUUID(), revision, message);
    session.ids.add(message.id);
    const fault = takeFault(knobs, 'initialize', message, req.url);
    if (fault) return strike(fault, message, res);
    const headers = {};
    this.world.sessions.add(session);
    if (knobs.session === 'none') {
      if (this.implicit) this.world.endSession(this.implicit);
      this.implicit = session;
    } else {
      this.sessions.set(session.id, session);
      ledger.sessions.issued.push(session.id);
      headers['mcp-session-id'] = session.id;
    }
    ledger.save();
    return this.answer(req, res, message, { modern: false, session }, headers);
  }

  sessionOf(req) {
    if (this.knobs.session === 'none') return this.implicit;
    return this.sessions.get(req.headers['mcp-session-id']);
  }

  refuseSession(req, res, message) {
    const { knobs } = this;
    if (knobs.session === 'none')
      return sendJson(res, 400, failure(null, -32000, 'Bad Request: Server not initialized'), knobs);
    const id = message?.id ?? null;
    if (req.headers['mcp-session-id'] === undefined) {
      return sendJson(res, 400, failure(null, -32000, 'Bad Request: Mcp-Session-Id header is required'), knobs);
    }
    switch (knobs.lost) {
      case '404':
        return sendJson(res, 404, failure(id, -32001, 'Session not found'), knobs);
      case '404-plain':
        return plain(res, 404, 'session not found', knobs);
      case '400':
        return sendJson(res, 400, failure(null, -32000, 'Bad Request: No valid session ID provided'), knobs);
      default:
        return sendJson(res, 200, failure(id, -32001, 'Session expired'), knobs);
    }
  }

  notification(req, res, message, session) {
    if (message.method === 'notifications/initialized') session.initialized = true;
    if (message.method === 'notifications/cancelled') {
      this.ledger.cancelled.push(message.params?.requestId);
      this.running.cancel(session, message.params?.requestId);
    }
    this.ledger.save();
    const fault = takeFault(this.knobs, message.method, message, req.url);
    return fault ? strike(fault, message, res) : send(res, 202, {}, '', this.knobs);
  }

  takeReply(req, res, message) {
    const session = this.sessionOf(req);
    if (session) rules.legacyRules(message, session, req.headers).forEach((text) => this.ledger.violation(text));
    else if (!this.sessions.size && offersModern(this.knobs)) this.ledger.violation('a reply to a modern server');
    const fault = takeFault(this.knobs, 'reply', message, req.url);
    if (fault) return strike(fault, message, res);
    this.world.questions.take(message, session);
    return send(res, 202, {}, '', this.knobs);
  }

  async answer(req, res, message, { modern, session }, headers = {}) {
    const { knobs, ledger, world } = this;
    const fault = message.method === 'initialize' ? undefined : takeFault(knobs, message.method, message, req.url);
    return this.running.run(message, session, async (stop) => {
      if (modern) res.on('close', () => stop.abort());
      const base = { world, knobs, ledger, modern, session, signal: stop.signal, fault };
      if (isBend(fault)) bend(res, fault);
      if (!fault || isBend(fault) || isTelling(fault)) return this.streams.write(res, message, base, headers);
      const reply = fault.executed ? await answer(message, { ...base, notify: () => {} }) : undefined;
      if (fault.kind === 'restart') return this.restart(fault);
      if (fault.kind === 'lose_session') return this.loseSession(req, res, message, session);
      return strike(fault, message, res, commit(reply));
    });
  }

  // As a program that died and is started again.
  restart(fault) {
    this.port.shut(fault);
    this.dropSessions();
  }

  loseSession(req, res, message, session) {
    if (session) this.forget(session);
    return this.refuseSession(req, res, message);
  }

  forget(session) {
    this.sessions.delete(session.id);
    this.world.endSession(session);
    this.ledger.sessions.dropped.push(session.id);
  }

  async get(req, res) {
    const { knobs, ledger } = this;
    if (!(req.headers.accept ?? '').includes('text/event-stream'))
      ledger.violation('GET does not accept text/event-stream');
    const session = this.sessionOf(req);
    if (session && session.revision >= '2025-06-18' && req.headers['mcp-protocol-version'] !== session.revision) {
      ledger.violation(`GET: MCP-Protocol-Version is ${req.headers['mcp-protocol-version'] ?? 'missing'}`);
    }
    if (this.streams.resume(req, res)) return undefined;
    if (knobs.get !== 'stream') return plain(res, 405, 'Method Not Allowed', knobs, { allow: 'POST' });
    if (!session) return this.refuseSession(req, res);
    return this.streams.listen(res, session);
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
    this.world.endSession(session);
    session.channel?.hangUp?.();
    ledger.sessions.deleted.push(session.id);
    ledger.save();
    return send(res, 200, {}, '', knobs);
  }
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
