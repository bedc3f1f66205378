// The rules of 2026-07-28: the envelope in _meta on both transports, and the headers that repeat the message over
// HTTP. As in rules.mjs, what was broken comes back as texts.

import { MAY_ASK } from './rounds.mjs';
import { isNotification, isObject, meta } from './rules.mjs';
import { schemaRules } from './schemas.mjs';
import { paramHeaders } from './tools_headers.mjs';

const NAMED = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};
const GONE = [
  'initialize',
  'notifications/initialized',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'notifications/roots/list_changed',
  'tasks/list',
  'tasks/result',
];

export function modernRules(message, headers) {
  const broken = [];
  const name = message.method;
  const say = (text) => broken.push(`${name}: ${text}`);
  broken.push(...schemaRules('2026-07-28', message));
  if (!isObject(meta(message, 'clientCapabilities')) && !isNotification(message))
    say('_meta has no clientCapabilities object');
  if (isNotification(message) && headers) say('no notification goes to a modern server over HTTP');
  if (GONE.includes(name)) say('this method is gone');
  if (message.params && 'requestState' in message.params && !MAY_ASK.includes(name))
    say('requestState does not belong here');
  if (message.params && 'inputResponses' in message.params && ![...MAY_ASK, 'tasks/update'].includes(name)) {
    say('inputResponses do not belong here');
  }
  return headers && !isNotification(message) ? [...broken, ...headerRules(message, headers)] : broken;
}

function headerRules(message, headers) {
  const broken = [];
  const name = message.method;
  const say = (text) => broken.push(`${name}: ${text}`);
  const claimed = meta(message, 'protocolVersion');
  if (headers['mcp-protocol-version'] !== claimed) {
    say(`MCP-Protocol-Version is ${headers['mcp-protocol-version'] ?? 'missing'}, _meta says ${claimed}`);
  }
  if (headers['mcp-method'] !== name) say(`Mcp-Method is ${headers['mcp-method'] ?? 'missing'}`);
  if (name in NAMED) {
    const wanted = String(message.params?.[NAMED[name]]);
    if (decodeHeader(headers['mcp-name']) !== wanted) say(`Mcp-Name is ${headers['mcp-name'] ?? 'missing'}`);
  } else if ('mcp-name' in headers) {
    say('Mcp-Name does not belong here');
  }
  for (const gone of ['mcp-session-id', 'last-event-id']) {
    if (gone in headers) say(`${gone} is no header of this revision`);
  }
  if (name !== 'tools/call' && Object.keys(headers).some((key) => key.startsWith('mcp-param-'))) {
    say('Mcp-Param headers do not belong here');
  }
  return broken;
}

// How the Mcp-Param headers of a call differ from its arguments, by the tool's schema; texts, none when they agree.
export function paramHeaderRules(schema, message, headers) {
  const wanted = paramHeaders(schema, message.params.arguments ?? {});
  const broken = [];
  for (const [key, value] of Object.entries(wanted)) {
    if (decodeHeader(headers[key]) !== value) broken.push(`${key} is ${headers[key] ?? 'missing'}`);
  }
  for (const key of Object.keys(headers)) {
    if (key.startsWith('mcp-param-') && !(key in wanted)) broken.push(`${key} was not asked for`);
  }
  return broken;
}

// The value of an Mcp-Name or Mcp-Param header: as it is, or base64 of UTF-8 between "=?base64?" and "?=".
function decodeHeader(value) {
  const wrapped = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value ?? '');
  return wrapped ? Buffer.from(wrapped[1], 'base64').toString('utf8') : value;
}
