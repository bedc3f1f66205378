// The HTTP server of the soak: both eras at four endpoints, with JSON and with event streams.
//
//     node http.mjs RECORD
//
// Prints the port. By itself it forgets all sessions, breaks all connections, and goes away and comes back at the same
// port, again and again. POST /stop answers with how often it did what, and ends it.

import { randomUUID } from 'node:crypto';
import http from 'node:http';

import { Record, executed, failure, reply, resultOf } from './tool.mjs';

const DROP_SESSIONS_MS = 1900;
const DROP_CONNECTIONS_MS = 2900;
const RESTART_MS = 4700;
const AWAY_MS = 150;

const record = new Record(process.argv[2]);
const did = { drop_sessions: 0, drop_connections: 0, restarts: 0, foreign_sessions: 0 };
const sessions = new Map(); // id -> the credential that it was opened with
const sockets = new Set();

const send = (res, status, body, headers = {}) =>
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers }).end(body);

function answer(res, body, how, headers) {
  if (how === 'json') return void send(res, 200, body, headers);
  res.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  res.end(`: here it comes\n\nevent: message\ndata: ${body}\n\n`);
}

// Half of an answer, and the end of the connection.
function half(res, body, how) {
  if (how === 'json') {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    res.write(body.slice(0, body.length / 2), () => res.destroy());
  } else {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(`data: ${body.slice(0, body.length / 2)}`, () => res.destroy());
  }
}

// What spoils a call before it is executed. False: nothing does.
function spoiltBefore({ id }, { fault }, req, res) {
  switch (fault) {
    case 'reset_before':
      return req.socket.destroy();
    case 'refuse':
      return send(res, 401, '{"error":"invalid_token"}', { 'www-authenticate': 'Bearer error="invalid_token"' });
    case 'unavailable':
      return send(res, 503, 'come back later', { 'content-type': 'text/plain' });
    case 'rpc_error':
      return send(res, 200, failure(id, -32000, 'not today'));
    case 'slow':
      return true; // it is never answered: its caller gives up, or the connection breaks
    default:
      return false;
  }
}

// A session's call that says `lose` finds its session gone, once: the next one is another session.
function loses(call, session) {
  if (call.fault !== 'lose' || session === undefined || lost.has(call.n)) return false;
  lost.add(call.n);
  sessions.delete(session);
  return true;
}

const lost = new Set();

function callTool(message, req, res, { isModern, how, session }) {
  const call = message.params.arguments;
  if (loses(call, session)) return void send(res, 404, failure(message.id, -32001, 'Session not found'));
  lost.delete(call.n);
  if (spoiltBefore(message, call, req, res) !== false) return;
  const body = reply(message.id, executed(call, req.headers.authorization, record, isModern));
  if (call.fault === 'reset_after') req.socket.destroy();
  else if (call.fault === 'half') half(res, body, how);
  else if (call.fault === 'garbage') answer(res, '{"jsonrpc": "2.0", "id": nothing of the kind', how);
  else if (call.fault === 'late') setTimeout(() => answer(res, body, how), call.ms);
  else answer(res, body, how);
}

// The session of a legacy request, or undefined when it was refused.
function sessionOf(message, req, res) {
  const id = req.headers['mcp-session-id'];
  const owner = sessions.get(id);
  if (owner === undefined) {
    send(res, id === undefined ? 400 : 404, failure(message.id ?? null, -32001, 'Session not found'));
    return undefined;
  }
  if (owner !== req.headers.authorization) did.foreign_sessions += 1;
  return id;
}

function handleMessage(message, req, res, isModern, how) {
  const headers = {};
  let session;
  if (!isModern && message.method === 'initialize') {
    const id = randomUUID();
    sessions.set(id, req.headers.authorization);
    headers['mcp-session-id'] = id;
  } else if (!isModern && !req.headers['mcp-session-id'] && message.method === 'server/discover') {
    return void send(res, 400, 'Bad Request', { 'content-type': 'text/plain' });
  } else if (!isModern) {
    session = sessionOf(message, req, res);
    if (session === undefined) return;
  }
  if (message.id === undefined) return void res.writeHead(202).end();
  if (message.method === 'tools/call') return void callTool(message, req, res, { isModern, how, session });
  const result = resultOf(message.method, isModern);
  if (result) answer(res, reply(message.id, result), how, headers);
  else send(res, isModern ? 404 : 200, failure(message.id, -32601, 'Method not found'));
}

function handle(req, res) {
  const [, era, how] = req.url.split('/');
  if (req.method === 'DELETE') {
    sessions.delete(req.headers['mcp-session-id']);
    return void res.writeHead(200).end();
  }
  if (req.method !== 'POST') return void res.writeHead(405).end();
  const pieces = [];
  req.on('data', (bytes) => pieces.push(bytes));
  req.on('end', () => {
    if (era === 'stop') return void stop(res);
    handleMessage(JSON.parse(Buffer.concat(pieces).toString()), req, res, era === 'modern', how);
  });
}

const server = http.createServer(handle);
server.keepAliveTimeout = 60000;
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
});

const dropSessions = () => {
  did.drop_sessions += 1;
  sessions.clear();
};

const dropConnections = () => {
  did.drop_connections += 1;
  for (const socket of sockets) {
    if (did.drop_connections % 2) socket.destroy();
    else socket.resetAndDestroy();
  }
};

function restart() {
  const { port } = server.address();
  did.restarts += 1;
  server.close();
  sessions.clear();
  for (const socket of sockets) socket.destroy();
  setTimeout(() => server.listen(port, '127.0.0.1'), AWAY_MS);
}

const timers = [
  setInterval(dropSessions, DROP_SESSIONS_MS),
  setInterval(dropConnections, DROP_CONNECTIONS_MS),
  setInterval(restart, RESTART_MS),
];

function stop(res) {
  timers.forEach(clearInterval);
  record.close();
  res.end(JSON.stringify(did), () => process.exit(0));
}

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
