// MCP above the transport: what a request is answered with. HTTP and stdio share it.

import { MODERN, LEGACY, offeredLegacy, offersModern } from './knobs.mjs';
import { hasTool, page, runTool } from './tools.mjs';

const SERVER_INFO = { name: 'souk-scripted', version: '1.0.0' };
const CAPABILITIES = { tools: { listChanged: true }, logging: {} };

export const result = (id, value) => ({ jsonrpc: '2.0', id, result: value });
export const failure = (id, code, message, data) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message, ...(data === undefined ? {} : { data }) },
});

export const newSession = (id, revision) => ({ id, revision, initialized: false, calls: 0, ids: new Set() });

// The revision of a new session, or undefined when this server has no legacy revision.
export function negotiate(knobs, asked) {
  if (knobs.answer_revision) return knobs.answer_revision;
  const offered = offeredLegacy(knobs);
  return offered.includes(asked) ? asked : offered[0];
}

export const unsupported = (knobs, id, requested) =>
  failure(id, -32022, 'Unsupported protocol version', { supported: knobs.revisions, requested });

const initializeResult = (revision) => ({
  protocolVersion: revision,
  capabilities: CAPABILITIES,
  serverInfo: SERVER_INFO,
  instructions: 'A server for specifications.',
});

const discoverResult = (knobs) => ({
  supportedVersions: [...knobs.revisions].sort().reverse(),
  capabilities: { tools: { listChanged: true } },
  instructions: 'A server for specifications.',
  ttlMs: 60000,
  cacheScope: 'public',
});

// Modern results say what they are, and from whom.
const modernResult = (value) => ({
  resultType: 'complete',
  ...value,
  _meta: { 'io.modelcontextprotocol/serverInfo': SERVER_INFO },
});

async function call(message, context) {
  const { name, arguments: input = {}, _meta } = message.params ?? {};
  if (!hasTool(name)) return failure(message.id, -32602, `Unknown tool: ${name}`);
  const token = _meta?.progressToken;
  const progress = (done, total) => {
    if (token === undefined) return;
    context.notify({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: token, progress: done, total, message: `step ${done} of ${total}` },
    });
  };
  return result(message.id, await runTool(name, input, { ledger: context.ledger, progress }));
}

function listTools(message, context) {
  try {
    const value = page(context.knobs, message.params?.cursor ?? undefined);
    return result(message.id, context.modern ? { ...value, ttlMs: 0, cacheScope: 'private' } : value);
  } catch (error) {
    return failure(message.id, -32602, error.message);
  }
}

// Answers a request. `context`: { knobs, ledger, modern, session, notify(message) }.
export async function answer(message, context) {
  const { knobs, modern, session } = context;
  let reply;
  switch (message.method) {
    case 'initialize':
      reply = modern ? undefined : result(message.id, initializeResult(session.revision));
      break;
    case 'server/discover':
      reply = offersModern(knobs) ? result(message.id, discoverResult(knobs)) : undefined;
      break;
    case 'ping':
    case 'logging/setLevel':
      reply = modern ? undefined : result(message.id, {});
      break;
    case 'tools/list':
      reply = listTools(message, context);
      break;
    case 'tools/call':
      reply = await call(message, context);
      break;
    default:
  }
  reply ??= failure(message.id, -32601, `Method not found: ${message.method}`);
  if (modern && reply.result) reply.result = modernResult(reply.result);
  return reply;
}

// What a server of the field without 2026-07-28 says to a modern request, by the knobs `discover` and
// `discover_stdio`: { status, body } with a text or a message as the body, or undefined for silence.
export function refuseModern(style, id) {
  const plain = { 400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 500: 'Internal Server Error' };
  if (style in plain) return { status: Number(style), body: plain[style] };
  switch (style) {
    case '400-rpc':
      return { status: 400, body: failure(null, -32000, 'Bad Request: Server not initialized') };
    case '404-rpc':
      return { status: 404, body: failure(id, -32601, 'Method not found') };
    case '200-32601':
    case '-32601':
      return { status: 200, body: failure(id, -32601, 'Method not found') };
    case '200-32602':
    case '-32602':
      return { status: 200, body: failure(id, -32602, 'Invalid request parameters') };
    case 'hang':
    case 'silent':
      return undefined;
    default:
      throw new Error(`there is no way to refuse called '${style}'`);
  }
}

export { MODERN, LEGACY };
