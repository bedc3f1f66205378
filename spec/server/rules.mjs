// The rules that a client has to keep, by revision. Every function returns what was broken, as texts; nothing
// here decides what the server answers.

import { LEGACY, MODERN } from './knobs.mjs';
import { schemaRules } from './schemas.mjs';

export const META = 'io.modelcontextprotocol/';
export const FIRST = '2024-11-05'; // has no published schema in the packages

export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (id) => typeof id === 'string' || Number.isSafeInteger(id);
const mediaType = (value) => (value ?? '').split(';')[0].trim().toLowerCase();

export const meta = (message, key) => message?.params?._meta?.[META + key];
export const isModern = (message) => meta(message, 'protocolVersion') !== undefined;
export const isRequest = (message) => isObject(message) && 'method' in message && 'id' in message;
export const isNotification = (message) => isObject(message) && 'method' in message && !('id' in message);
export const isReply = (message) =>
  isObject(message) && !('method' in message) && ('result' in message || 'error' in message);

// JSON-RPC 2.0, and what every revision of MCP says about messages.
export function messageRules(message) {
  const broken = [];
  if (!isObject(message)) return ['a message is not a JSON object'];
  if (message.jsonrpc !== '2.0') broken.push('jsonrpc is not "2.0"');
  if (!isRequest(message) && !isNotification(message) && !isReply(message))
    broken.push('neither request, notification nor reply');
  if ('id' in message && !isId(message.id))
    broken.push(`an id is neither string nor integer: ${JSON.stringify(message.id)}`);
  if ('params' in message && !isObject(message.params)) broken.push('params is not an object');
  if (message.method === 'tools/call') {
    if (typeof message.params?.name !== 'string') broken.push('tools/call without a name');
    const input = message.params?.arguments;
    if (input !== undefined && !isObject(input)) broken.push('arguments is not an object');
  }
  if (message.method === 'initialize') broken.push(...initializeRules(message.params ?? {}));
  if (isReply(message)) broken.push(...replyRules(message));
  return broken;
}

// The envelope of a reply. The schemas say most of it, too, but only where they are and the revision is known.
function replyRules(message) {
  const broken = [];
  if (!('id' in message)) broken.push('a reply has no id');
  if ('result' in message && 'error' in message) broken.push('a reply has both result and error');
  if ('result' in message && !isObject(message.result)) broken.push('the result of a reply is not an object');
  if (!('error' in message)) return broken;
  if (!isObject(message.error)) return [...broken, 'the error of a reply is not an object'];
  if (!Number.isSafeInteger(message.error.code)) broken.push('the code of an error is not an integer');
  if (typeof message.error.message !== 'string') broken.push('the message of an error is not a string');
  return broken;
}

function initializeRules({ protocolVersion, capabilities, clientInfo }) {
  const broken = [];
  if (protocolVersion === MODERN) broken.push('initialize asks for a revision that has no initialize');
  else if (!LEGACY.includes(protocolVersion)) broken.push(`initialize asks for ${protocolVersion}`);
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
    return [...broken, ...schemaRules(message.params?.protocolVersion ?? LEGACY[0], message)];
  }
  if (!session) return broken;
  broken.push(...schemaRules(session.revision, message));
  if (session.revision === FIRST) broken.push(...firstRevisionRules(message, headers));
  for (const gone of ['requestState', 'inputResponses']) {
    if (message.params && gone in message.params) broken.push(`${name}: ${gone} is of a later revision`);
  }
  if (
    headers &&
    Object.keys(headers).some((key) => key.startsWith('mcp-param-') || key === 'mcp-method' || key === 'mcp-name')
  ) {
    broken.push(`${name}: headers of a later revision`);
  }
  const version = headers?.['mcp-protocol-version'];
  if (headers && session.revision >= '2025-06-18' && version !== session.revision) {
    broken.push(`${name}: MCP-Protocol-Version is ${version ?? 'missing'}, ${session.revision} was negotiated`);
  }
  if (message.method === 'notifications/initialized') {
    if (session.initialized) broken.push('notifications/initialized was sent twice');
  } else if (!session.initialized && message.method !== 'ping') {
    broken.push(`${name} before notifications/initialized`);
  }
  const token = message.params?._meta?.progressToken;
  if (isRequest(message) && token !== undefined && session.tokens.has(token)) {
    broken.push(`${name}: the progress token ${JSON.stringify(token)} is in use`);
  }
  if (isRequest(message)) {
    if (session.ids.has(message.id)) broken.push(`${name}: the id ${JSON.stringify(message.id)} was used before`);
    session.ids.add(message.id);
  }
  return broken;
}

// 2024-11-05 is checked against the schema of the revision after it; these things of later revisions are no part of it.
// Batches are refused by messageRules at every revision, and audio in answers by answerRules, which knows the question.
function firstRevisionRules(message, headers) {
  const broken = [];
  if (message.method === 'notifications/progress' && message.params && 'message' in message.params)
    broken.push('notifications/progress: message is of a later revision');
  if (headers && 'mcp-protocol-version' in headers)
    broken.push(`${message.method ?? 'a reply'}: MCP-Protocol-Version is of a later revision`);
  return broken;
}
