// Two MCP endpoints, /legacy (2025-11-25) and /modern (2026-07-28), for many identities at once. It is made to be fast
// and looks at one thing only: whether what belongs to one identity is ever used by another.
//
//     node isolation.mjs          prints "listening on <port>"
//
// An identity proves itself by the token "<identity>.<generation>". Generations before that of the last `rotate` are
// refused. Every answer names the identity that asked, the endpoint, and what was asked. These are violations, a line
// each in the file that SOUK_VIOLATIONS names: a request without a token; a connection that carries tokens of two
// identities; a session that is used by another identity than that which opened it, or at the other endpoint; a call
// (nonce) that is executed twice, or by another identity than that which it names.

import { appendFileSync } from 'node:fs';
import http from 'node:http';

const LIVES_MS = 60000; // what a cached result may live

const leastGeneration = new Map(); // identity -> generation
const sessions = new Map(); // id -> { who, endpoint }
const sockets = new Set(); // each has .who, once it is known, and .busy, the requests under way
const executed = new Set(); // nonces
const counts = { requests: 0, executed: 0, opened: 0, deleted: 0, refused: 0, connections: 0, answers: 0 };
let serial = 0;

function violation(text) {
  if (process.env.SOUK_VIOLATIONS) appendFileSync(process.env.SOUK_VIOLATIONS, `${text}\n`);
  else console.error(text);
}

// --- what is answered: undefined for never ---------------------------------------------------------------------------

const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }], structuredContent: value });
const later = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));

function execute({ nonce, me, ms, hang }, asker) {
  if (executed.has(nonce)) violation(`call ${nonce} was executed twice`);
  if (me !== asker.who) violation(`a call of ${me} came in as one of ${asker.who}`);
  executed.add(nonce);
  counts.executed += 1;
  if (hang) return undefined;
  const value = text({ who: asker.who, endpoint: asker.endpoint, nonce });
  return ms ? later(ms, value) : value;
}

const tools = {
  whoami: execute,
  peek: ({ nonce }, asker) => text({ who: asker.who, endpoint: asker.endpoint, nonce }),

  // What the specification does to the server.
  rotate({ who, generation }) {
    leastGeneration.set(who, generation);
    return text({});
  },
  drop_sessions({ who }) {
    for (const [id, session] of sessions) if (session.who === who) sessions.delete(id);
    return text({});
  },
  drop_connections({ who, busy }) {
    const chosen = [...sockets].filter((socket) => socket.who === who && (busy || socket.busy === 0));
    chosen.forEach((socket) => socket.destroy());
    return text({ dropped: chosen.length });
  },
  counts: () => text({ ...counts, sessions: sessions.size }),
};

const INPUT = { type: 'object' };
const forever = () => undefined;

const methods = {
  ping: () => ({}),
  'tools/list': (params, asker) => ({
    tools: [
      { name: 'whoami', description: `tool of ${asker.who}`, inputSchema: INPUT },
      { name: 'peek', description: `tool of ${asker.who}`, inputSchema: INPUT, annotations: { readOnlyHint: true } },
      ...(asker.who === 'control' ? Object.keys(tools) : [])
        .filter((name) => name !== 'whoami' && name !== 'peek')
        .map((name) => ({ name, inputSchema: INPUT })),
    ],
  }),
  'tools/call': ({ name, arguments: input = {} }, asker) =>
    name === 'whoami' || name === 'peek' || asker.who === 'control' ? tools[name](input, asker) : forever(),
  'resources/list': (params, asker) => ({ resources: [{ uri: 'iso://private', name: `resource of ${asker.who}` }] }),
  'resources/read': ({ uri }, asker) => ({
    contents: [{ uri, mimeType: 'text/plain', text: `${asker.who} ${asker.endpoint} ${uri}` }],
  }),
};

const INFO = { name: 'isolation', version: '1.0.0' };
const CAPABILITIES = { tools: {}, resources: {} };

methods.initialize = () => ({ protocolVersion: '2025-11-25', capabilities: CAPABILITIES, serverInfo: INFO });
methods['server/discover'] = () => ({ supportedVersions: ['2026-07-28'], capabilities: CAPABILITIES });

// Half of what a modern server says may be kept by everybody, by its own words.
const modernResult = (value, message) => ({
  resultType: 'complete',
  ...value,
  ttlMs: message.method === 'tools/call' ? undefined : LIVES_MS,
  cacheScope: message.params?.uri === 'iso://private' ? 'private' : 'public',
  _meta: { 'io.modelcontextprotocol/serverInfo': INFO },
});

// --- who asks --------------------------------------------------------------------------------------------------------

// { who, fresh }, or undefined for a stranger.
function identify(req) {
  const [, who, generation] = /^Bearer ([\w-]+)\.(\d+)$/.exec(req.headers.authorization ?? '') ?? [];
  if (who === undefined) {
    violation(`a ${req.method} without a token`);
    return undefined;
  }
  const { socket } = req;
  socket.who ??= who;
  if (socket.who !== who) violation(`a connection of ${socket.who} carries a token of ${who}`);
  return { who, fresh: Number(generation) >= (leastGeneration.get(who) ?? 0) };
}

// The session that the request names; undefined when there is none.
function sessionOf(req, who, endpoint) {
  const session = sessions.get(req.headers['mcp-session-id']);
  if (session && session.who !== who) violation(`a session of ${session.who} is used by ${who}`);
  if (session && session.endpoint !== endpoint) violation(`a session of ${session.endpoint} is used at ${endpoint}`);
  return session;
}

// --- HTTP ------------------------------------------------------------------------------------------------------------

function send(res, status, message, headers = {}) {
  const body = message === undefined ? '' : JSON.stringify(message);
  res.writeHead(status, {
    ...headers,
    ...(body ? { 'content-type': 'application/json' } : {}),
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
  counts.answers += 1;
}

const failure = (id, code, message) => ({ jsonrpc: '2.0', id, error: { code, message } });

async function reply(res, message, asker, headers) {
  const run = methods[message.method];
  if (!run) return send(res, 200, failure(message.id, -32601, 'Method not found'));
  const pending = run(message.params ?? {}, asker);
  if (pending === undefined) return undefined;
  const value = pending instanceof Promise ? await pending : pending;
  const result = asker.endpoint === 'modern' ? modernResult(value, message) : value;
  return send(res, 200, { jsonrpc: '2.0', id: message.id, result }, headers);
}

function legacy(req, res, message, asker) {
  if (message.method === 'server/discover') return send(res, 400);
  if (message.method === 'initialize') {
    serial += 1;
    const id = `session-${serial}-${Math.random().toString(36).slice(2)}`;
    sessions.set(id, asker);
    counts.opened += 1;
    return reply(res, message, asker, { 'mcp-session-id': id });
  }
  if (!sessionOf(req, asker.who, asker.endpoint)) {
    return send(res, 404, failure(message.id ?? null, -32001, 'Session not found'));
  }
  return message.id === undefined ? send(res, 202) : reply(res, message, asker);
}

function handle(req, res, body) {
  counts.requests += 1;
  const asker = identify(req);
  if (!asker) return send(res, 401);
  if (!asker.fresh) {
    counts.refused += 1;
    return send(res, 401);
  }
  const endpoint = req.url.slice(1);
  const one = { who: asker.who, endpoint };
  if (req.method === 'DELETE') {
    if (!sessionOf(req, asker.who, endpoint)) return send(res, 404);
    sessions.delete(req.headers['mcp-session-id']);
    counts.deleted += 1;
    return send(res, 200);
  }
  if (req.method !== 'POST') return send(res, 405, undefined, { allow: 'POST, DELETE' });
  const message = JSON.parse(body);
  if (endpoint === 'legacy') return legacy(req, res, message, one);
  if (message.id === undefined) return send(res, 202);
  return reply(res, message, one);
}

const server = http.createServer((req, res) => {
  const { socket } = req;
  const pieces = [];
  socket.busy += 1;
  res.on('close', () => {
    socket.busy -= 1;
  });
  req.on('data', (piece) => pieces.push(piece));
  req.on('end', () => handle(req, res, Buffer.concat(pieces).toString()));
});

server.keepAliveTimeout = 60000;
server.on('connection', (socket) => {
  counts.connections += 1;
  socket.busy = 0;
  socket.setNoDelay(true);
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
