// The published JSON schemas of each revision, and whether a message fits the one it belongs to.
//
// They come with @modelcontextprotocol/conformance, as object literals in its program; it is read as text, since
// importing it would run it. They are checked with ajv, which the official packages bring along. SOUK_NPM is the
// node_modules folder of both. Without them (a demo on a machine that has no test peers) nothing is checked, and the
// ledger says so.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.SOUK_NPM ?? path.join(here, '../../build/npm/node_modules');
const SOURCE = path.join(modules, '@modelcontextprotocol/conformance/dist/index.js');
const START = /=(\{\$schema:`https?:\/\/json-schema\.org[^`]*`,(?:\$defs|definitions):)/g;

// What a definition that only this revision and later ones have tells about a schema, the newest first.
const MARKS = [
  ['2026-07-28', 'DiscoverRequest'],
  ['2025-11-25', 'CreateTaskResult'],
  ['2025-06-18', 'ElicitRequest'],
  ['2025-03-26', 'JSONRPCMessage'],
];

// Where the object literal that begins at `start` ends.
function endOfLiteral(text, start) {
  let depth = 0;
  let quote;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (quote) {
      if (char === '\\') at += 1;
      else if (char === quote) quote = undefined;
    } else if ('`"\''.includes(char)) quote = char;
    else if ('{['.includes(char)) depth += 1;
    else if ('}]'.includes(char)) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  throw new Error('a schema in the conformance package has no end');
}

// The schemas were generated from TypeScript's `number`, which became "integer" in some places; the specification's
// own examples have 95.5 there.
function widen(definitions) {
  for (const name of ['minimum', 'maximum', 'default']) {
    const rule = definitions.NumberSchema?.properties?.[name];
    if (rule?.type === 'integer') rule.type = 'number';
  }
  const content = definitions.ElicitResult?.properties?.content?.additionalProperties;
  for (const rule of [content, ...(content?.anyOf ?? [])]) {
    if (Array.isArray(rule?.type)) rule.type = rule.type.map((type) => (type === 'integer' ? 'number' : type));
  }
}

function readSchemas() {
  const text = readFileSync(SOURCE, 'utf8');
  const byRevision = new Map();
  for (const match of text.matchAll(START)) {
    const start = match.index + 1;
    const schema = new Function(`return ${text.slice(start, endOfLiteral(text, start))}`)();
    const definitions = schema.$defs ?? schema.definitions;
    const revision = MARKS.find(([, mark]) => mark in definitions)[0];
    widen(definitions);
    byRevision.set(revision, schema);
  }
  if (byRevision.size !== MARKS.length)
    throw new Error(`found ${byRevision.size} schemas in the conformance package`);
  return byRevision;
}

function validators() {
  const require = createRequire(path.join(modules, 'any.js'));
  const Draft7 = require('ajv').default;
  const Draft2020 = require('ajv/dist/2020.js').default;
  const addFormats = require('ajv-formats').default;
  const make = (Kind) => {
    const ajv = new Kind({ strict: false, allErrors: true, validateSchema: false });
    addFormats(ajv);
    ajv.addFormat('byte', true);
    return ajv;
  };
  return { old: make(Draft7), now: make(Draft2020) };
}

const said = (errors) =>
  errors
    .slice(0, 4)
    .map((one) => `${one.instancePath || 'it'} ${one.message}`)
    .join('; ');

// One revision: definitions by what they are for, compiled when they are needed.
class Revision {
  constructor(revision, schema, ajv) {
    this.ajv = ajv;
    this.part = '$defs' in schema ? '$defs' : 'definitions';
    this.definitions = schema[this.part];
    this.uri = `mcp://${revision}/schema.json`;
    this.compiled = new Map();
    ajv.addSchema({ ...schema, $id: this.uri });
    this.byMethod = new Map();
    for (const [name, definition] of Object.entries(this.definitions)) {
      const method = definition.properties?.method?.const;
      if (method) this.byMethod.set(method, name);
    }
  }

  // What is wrong with the value as such a definition: a text, or undefined.
  complaint(name, value) {
    let check = this.compiled.get(name);
    if (!check) {
      check = this.ajv.compile({ $ref: `${this.uri}#/${this.part}/${name}` });
      this.compiled.set(name, check);
    }
    return check(value) ? undefined : `no ${name}: ${said(check.errors)}`;
  }

  // The definition of results of a method, if there is one.
  resultOf(method) {
    const name = this.byMethod.get(method)?.replace(/Request$/, 'Result');
    return name in this.definitions ? name : undefined;
  }

  replyComplaint(message, method) {
    if (message.error)
      return this.complaint(
        'JSONRPCErrorResponse' in this.definitions ? 'JSONRPCErrorResponse' : 'JSONRPCError',
        message,
      );
    const kind = message.result?.resultType === 'input_required' ? 'InputRequiredResult' : this.resultOf(method);
    const isOther =
      message.result?.resultType !== undefined && !['complete', 'input_required'].includes(message.result.resultType);
    return (
      this.complaint(
        'JSONRPCResultResponse' in this.definitions ? 'JSONRPCResultResponse' : 'JSONRPCResponse',
        message,
      ) ?? (kind && !isOther ? this.complaint(kind, message.result) : undefined)
    );
  }

  messageComplaint(message, method) {
    if (message.method === undefined) return this.replyComplaint(message, method);
    const plain = 'id' in message ? 'JSONRPCRequest' : 'JSONRPCNotification';
    return this.complaint(this.byMethod.get(message.method) ?? plain, message);
  }
}

class Schemas {
  constructor() {
    const { old, now } = validators();
    this.now = now;
    this.revisions = new Map();
    for (const [revision, schema] of readSchemas()) {
      this.revisions.set(revision, new Revision(revision, schema, '$defs' in schema ? now : old));
    }
  }

  // 2024-11-05 has no published schema there; the one after it takes what it takes.
  of(revision) {
    return this.revisions.get(revision) ?? this.revisions.get(revision < '2025' ? '2025-03-26' : '2025-11-25');
  }
}

let schemas;
export const available = () => existsSync(SOURCE);

function all() {
  if (schemas === undefined && available()) schemas = new Schemas();
  return schemas;
}

// Loads what takes a while, so that the first message does not wait for it.
export const warm = () => void all()?.of('2025-11-25').messageComplaint({ jsonrpc: '2.0', id: 1, method: 'ping' });

// What is wrong with a message of this revision, as a list of texts. `method`: of the request, when it is a reply.
export function schemaRules(revision, message, method) {
  const text = all()?.of(revision).messageComplaint(message, method);
  const name = message.method ?? (method ? `a reply to ${method}` : 'a reply');
  return text ? [`${name}: ${text}`] : [];
}

// The same for the result of a question (elicitation/create, ...).
export function resultRules(revision, result, method) {
  const rules = all()?.of(revision);
  const name = rules?.resultOf(method);
  const text = name && rules.complaint(name, result);
  return text ? [`the answer to ${method}: ${text}`] : [];
}

// Content of a form against the schema that it was asked for with.
export function contentRules(schema, content) {
  const check = all()?.now.compile(schema);
  return check && !check(content) ? [`the content of a form does not fit: ${said(check.errors)}`] : [];
}
