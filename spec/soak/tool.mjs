// What the servers of the soak have in common: one tool, whose caller says what goes wrong, and the record of what was
// executed.
//
// A call is { n, fault, ms }. It is executed when its number n was written to the record, which all servers share and
// which outlives them: one line a call, so that spec/soak/verdict.lua can count.

import { closeSync, openSync, writeSync } from 'node:fs';

export const LEGACY = '2025-11-25';
export const MODERN = '2026-07-28';

const SERVER_INFO = { name: 'soak', version: '1' };

const schema = {
  type: 'object',
  properties: { n: { type: 'integer' }, fault: { type: 'string' }, ms: { type: 'integer' } },
  required: ['n'],
};

// `once` must not be repeated when it may have been executed; `often` may.
const tools = [
  { name: 'once', inputSchema: schema, annotations: { readOnlyHint: false, idempotentHint: false } },
  { name: 'often', inputSchema: schema, annotations: { readOnlyHint: true } },
];

export class Record {
  constructor(path) {
    this.file = openSync(path, 'a');
  }

  add(n) {
    writeSync(this.file, `${n}\n`);
  }

  close() {
    closeSync(this.file);
  }
}

const modernResult = (value) => ({
  resultType: 'complete',
  ...value,
  _meta: { 'io.modelcontextprotocol/serverInfo': SERVER_INFO },
});

const listed = { tools, ttlMs: 60000, cacheScope: 'public' };
const cheap = { capabilities: { tools: {} }, ttlMs: 60000, cacheScope: 'public' };

// The result of what is no call; undefined for a method that is not known. `isModern`: the era of the server.
export function resultOf(method, isModern) {
  if (method === 'ping') return isModern ? modernResult({}) : {};
  if (method === 'tools/list') return isModern ? modernResult(listed) : { tools };
  if (isModern && method === 'server/discover') return modernResult({ supportedVersions: [MODERN], ...cheap });
  if (!isModern && method === 'initialize') {
    return { protocolVersion: LEGACY, capabilities: { tools: {} }, serverInfo: SERVER_INFO };
  }
  return undefined;
}

// What a call that was executed is answered with: who called, and which call it was.
export function executed({ n, fault }, who, record, isModern) {
  record.add(n);
  const value = { content: [{ type: 'text', text: JSON.stringify({ n, who }) }] };
  if (fault === 'tool_error') value.isError = true;
  return isModern ? modernResult(value) : value;
}

export const reply = (id, result) => JSON.stringify({ jsonrpc: '2.0', id, result });

export const failure = (id, code, message) => JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
