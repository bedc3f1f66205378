// `node --import watch.mjs server.js`: checks what a server of others is sent, over HTTP or on its stdin, against the
// published schemas and the rules of rules.mjs, without being in its way. What is wrong is appended to the file
// SOUK_VIOLATIONS, a line each; there is none when nothing is.

import { appendFileSync } from 'node:fs';
import http from 'node:http';

import * as rules from './rules.mjs';
import { modernRules } from './rules_modern.mjs';
import { schemaRules } from './schemas.mjs';

const FILE = process.env.SOUK_VIOLATIONS;

const note = (texts) => texts.forEach((text) => appendFileSync(FILE, `${text}\n`));

// `session`: what is known of a legacy session: { revision }.
function judge(message, headers, session) {
  const broken = [...rules.messageRules(message), ...(headers ? rules.postRules(headers) : [])];
  const revision = message.params?.protocolVersion ?? headers?.['mcp-protocol-version'] ?? session.revision;
  if (message.method === 'initialize') session.revision = revision;
  if (rules.isModern(message)) broken.push(...modernRules(message, headers));
  else if (message.method !== undefined && revision !== undefined) broken.push(...schemaRules(revision, message));
  note(broken);
}

function take(text, headers, session) {
  if (text.trim() === '') return;
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    note(['a message is no JSON']);
    return;
  }
  judge(message, headers, session);
}

// Streams of others are given their bytes by push(); null is the end.
function tap(stream, onBytes) {
  const { push } = stream;
  stream.push = function pushAndTell(chunk, encoding) {
    onBytes(this, chunk);
    return push.call(this, chunk, encoding);
  };
}

const bodies = new WeakMap();

tap(http.IncomingMessage.prototype, (request, chunk) => {
  if (request.method !== 'POST') return;
  if (chunk !== null) return void bodies.set(request, [...(bodies.get(request) ?? []), Buffer.from(chunk)]);
  take(Buffer.concat(bodies.get(request) ?? []).toString('utf8'), request.headers, {});
});

const stdin = { revision: undefined };
let rest = Buffer.alloc(0);

tap(process.stdin, (_stream, chunk) => {
  if (chunk === null) return;
  rest = Buffer.concat([rest, Buffer.from(chunk)]);
  for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
    take(rest.subarray(0, end).toString('utf8'), undefined, stdin);
    rest = rest.subarray(end + 1);
  }
});
