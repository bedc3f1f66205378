// The rules that a client has to keep, by revision. Every function returns what was broken, as texts; nothing
// here decides what the server answers.

import { LEGACY, MODERN } from './knobs.mjs';

const META = 'io.modelcontextprotocol/';
const NAMED = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' };

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (id) => typeof id === 'string' || Number.isSafeInteger(id);
const mediaType = (value) => (value ?? '').split(';')[0].trim().toLowerCase();

export const meta = (message, key) => message?.params?._meta?.[META + key];
export const isModern = (message) => meta(message, 'protocolVersion') !== undefined;
export const isRequest = (message) => isObject(message) && 'method' in message && 'id' in message;
export const isNotification = (message) => isObject(message) && 'method' in message && !('id' in message);
export const isReply = (message) => isObject(message) && !('method' in message) && ('result' in message || 'error' in message);

// JSON-RPC 2.0, and what every revision of MCP says about messages.
export function messageRules(message) {
  const broken = [];
  if (!isObject(message)) return ['a message is not a JSON object'];
  if (message.jsonrpc !== '2.0') broken.push('jsonrpc is not "2.0"');
  if (!isRequest(message) && !isNotification(message) && !isReply(message)) broken.push('neither request, notification nor reply');
  if ('id' in message && !isId(message.id)) broken.push(`an id is neither string nor integer: ${JSON.stringify(message.id)}`);
  if ('params' in message && !isObject(message.params)) broken.push('params is not an object');
  if (message.method === 'tools/call') {
    if (typeof message.params?.name !== 'string') broken.push('tools/call without a name');
    const input = message.params?.arguments;
    if (input !== undefined && !isObject(input)) broken.push('arguments is not an object');
  }
  if (message.method === 'initialize') broken.push(...initializeRules(message.params ?? {}));
  return broken;
}

function initializeRules({ protocolVersion, capabilities, clientInfo }) {
  const broken = [];
  if (protocolVersion === MODERN) broken.push('initialize asks for a revision that has no initialize');
  else if (![...LEGACY, '2024-11-05'].includes(protocolVersion)) broken.push(`initialize asks for ${protocolVersion}`);
  if (!isObject(capabilities)) broken.push('initialize: capabilities is not an object');
  if (typeof clientInfo?.name !== 'string' || typeof clientInfo?.version !== 'string') {
    broken.push('initialize: clientInfo has no name and version');
  }
  return broken;
}

// Headers of every POST, all revisions.
export function postRules(headers) {
  const broken = [];
  const accepted = (headers.accept ?? '').split(',').map(mediaType);
  for (const type of ['application/json', 'text/event-stream']) {
    if (!accepted.includes(type)) broken.push(`Accept does not list ${type}`);
  }
  if (mediaType(headers['content-type']) !== 'application/json') broken.push('Content-Type is not application/json');
  return broken;
}

// Legacy, beside the existence of the session, which the server itself looks after.
export function legacyRules(message, session, headers) {
  const broken = [];
  const name = message.method ?? 'a reply';
  if (message.method === 'initialize') {
    if (headers?.['mcp-session-id']) broken.push('initialize carries a session id');
    return broken;
  }
  if (!session) return broken;
  const version = headers?.['mcp-protocol-version'];
  if (headers && session.revision >= '2025-06-18' && version !== session.revision) {
    broken.push(`${name}: MCP-Protocol-Version is ${version ?? 'missing'}, ${session.revision} was negotiated`);
  }
  if (message.method === 'notifications/initialized') {
    if (session.initialized) broken.push('notifications/initialized was sent twice');
  } else if (!session.initialized && message.method !== 'ping') {
    broken.push(`${name} before notifications/initialized`);
  }
  if (isRequest(message)) {
    if (session.ids.has(message.id)) broken.push(`${name}: the id ${JSON.stringify(message.id)} was used before`);
    session.ids.add(message.id);
  }
  return broken;
}

// 2026-07-28: the envelope in _meta on both transports, and the headers that repeat it over HTTP.
export function modernRules(message, headers) {
  const broken = [];
  const name = message.method;
  if (!isObject(meta(message, 'clientCapabilities'))) broken.push(`${name}: _meta has no clientCapabilities object`);
  if (isNotification(message) && headers) broken.push(`${name}: no notification goes to a modern server over HTTP`);
  if (name === 'initialize') broken.push('initialize with a modern _meta');
  if (!headers) return broken;
  const claimed = meta(message, 'protocolVersion');
  if (headers['mcp-protocol-version'] !== claimed) {
    broken.push(`${name}: MCP-Protocol-Version is ${headers['mcp-protocol-version'] ?? 'missing'}, _meta says ${claimed}`);
  }
  if (headers['mcp-method'] !== name) broken.push(`${name}: Mcp-Method is ${headers['mcp-method'] ?? 'missing'}`);
  if (name in NAMED) {
    const wanted = String(message.params[NAMED[name]]);
    if (decodeHeader(headers['mcp-name']) !== wanted) broken.push(`${name}: Mcp-Name is ${headers['mcp-name'] ?? 'missing'}`);
  } else if ('mcp-name' in headers) {
    broken.push(`${name}: Mcp-Name does not belong here`);
  }
  for (const gone of ['mcp-session-id', 'last-event-id']) {
    if (gone in headers) broken.push(`${name}: ${gone} is no header of this revision`);
  }
  return broken;
}

// The value of an Mcp-Name header: as it is, or base64 between "=?base64?" and "?=".
function decodeHeader(value) {
  const wrapped = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value ?? '');
  return wrapped ? Buffer.from(wrapped[1], 'base64').toString('utf8') : value;
}
