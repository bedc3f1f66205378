// `node --import watch.mjs server.js`: checks what a server of others is sent, over HTTP or on its stdin, against the
// published schemas and the rules of rules.mjs, without being in its way. What is wrong is appended to the file
// SOUK_VIOLATIONS, a line each; there is none when nothing is.

import { appendFileSync } from 'node:fs';
import http from 'node:http';

import { LEGACY, MODERN } from './knobs.mjs';
import { lines, overhearHttp, overhearStdout } from './overheard.mjs';
import { answerRules } from './questions.mjs';
import * as rules from './rules.mjs';
import { modernRules } from './rules_modern.mjs';

const FILE = process.env.SOUK_VIOLATIONS;

const note = (texts) => texts.forEach((text) => appendFileSync(FILE, `${text}\n`));

// What is known of a session. `isWhole`: it was heard from its beginning, so that all questions are known, too.
const newSession = (known = {}) => ({
  isWhole: true,
  revision: undefined,
  initialize: undefined, // the id of the request
  initialized: false,
  ids: new Set(),
  tokens: new Set(),
  questions: new Map(), // id -> the request of the server
  ...known,
});

// Something that the server says.
function hear(message, session) {
  if (rules.isRequest(message)) session.questions.set(message.id, message);
  const isAnswer = !('method' in message) && session.initialize !== undefined && message.id === session.initialize;
  if (isAnswer && LEGACY.includes(message.result?.protocolVersion)) session.revision = message.result.protocolVersion;
}

function replyRules(message, session) {
  const question = session.questions.get(message.id);
  if (!question) {
    return session.isWhole ? [`a reply to a question that nobody asked: ${JSON.stringify(message.id)}`] : [];
  }
  session.questions.delete(message.id);
  if (!rules.isObject(message.result)) return [];
  return answerRules(session.revision, question.method, question.params ?? {}, message.result);
}

function legacy(message, session, headers) {
  if (!session.isWhole) session.initialized = message.method !== 'notifications/initialized'; // as it has to be
  const broken = rules.legacyRules(message, session, headers);
  if (rules.isReply(message)) broken.push(...replyRules(message, session));
  if (message.method === 'notifications/initialized') session.initialized = true;
  if (message.method === 'initialize') {
    session.revision = message.params?.protocolVersion; // until the server says which it is
    session.initialize = message.id;
    session.initialized = false;
    session.ids.add(message.id);
  }
  return broken;
}

function modern(message, headers) {
  return rules.isReply(message) ? ['a reply to a modern server'] : modernRules(message, headers);
}

function judge(message, headers, session, isOldTransport) {
  const broken = [...rules.messageRules(message), ...(headers ? rules.postRules(headers) : [])];
  if (rules.isObject(message)) {
    // Modern notifications and replies have no envelope; what came before them, or a header, tells.
    if (rules.isModern(message) && session.initialize === undefined) session.revision = MODERN;
    const isModern = rules.isModern(message) || (message.method !== 'initialize' && session.revision === MODERN);
    if (isModern) broken.push(...modern(message, headers));
    else broken.push(...legacy(message, session, isOldTransport ? undefined : headers));
  }
  note(broken);
}

function take(text, ...context) {
  if (text.trim() === '') return;
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    note(['a message is no JSON']);
    return;
  }
  judge(message, ...context);
}

// Streams of others are given their bytes by push(); null is the end.
function tap(stream, onBytes) {
  const { push } = stream;
  stream.push = function pushAndTell(chunk, encoding) {
    onBytes(this, chunk);
    return push.call(this, chunk, encoding);
  };
}

const bodies = new WeakMap(); // request -> what came of it so far
const sessions = new Map(); // id -> session, of both transports
const sessionOf = new WeakMap(); // request -> session

// The id in the URL of HTTP+SSE, whose servers name the endpoint as they like.
const idInUrl = (url) => new URL(url, 'http://any').searchParams.get('sessionId') ?? undefined;

// A session that was not heard from its beginning, or a server without sessions: one message tells no more than its
// header, and without that it is of 2025-03-26, says the specification.
const stranger = ({ headers }) =>
  newSession({ isWhole: false, revision: headers['mcp-protocol-version'] ?? '2025-03-26' });

function findSession(request) {
  const known = sessionOf.get(request);
  if (known) return known;
  const session = sessions.get(request.headers['mcp-session-id'] ?? idInUrl(request.url)) ?? stranger(request);
  sessionOf.set(request, session);
  return session;
}

// The answer to initialize names the session.
function begin(request, id) {
  const session = findSession(request);
  if (session.initialize === undefined || sessions.has(id)) return;
  session.isWhole = true;
  sessions.set(id, session);
}

tap(http.IncomingMessage.prototype, (request, chunk) => {
  if (request.method !== 'POST') return;
  if (chunk !== null) return void bodies.set(request, [...(bodies.get(request) ?? []), Buffer.from(chunk)]);
  const text = Buffer.concat(bodies.get(request) ?? []).toString('utf8');
  take(text, request.headers, findSession(request), idInUrl(request.url) !== undefined);
});

overhearHttp({
  opens: begin,
  names: (request, endpoint) => {
    const session = newSession({ revision: rules.FIRST });
    sessionOf.set(request, session);
    sessions.set(idInUrl(endpoint), session);
  },
  says: (request, message) => hear(message, findSession(request)),
});

const child = newSession();
const takeBytes = lines((line) => take(line, undefined, child));

tap(process.stdin, (_stream, chunk) => chunk !== null && takeBytes(chunk));
overhearStdout((message) => hear(message, child));
