// The published JSON schemas of each revision, as functions that check a message.
//
// They come with @modelcontextprotocol/conformance, as object literals in its program; it is read as text, since
// importing it would run it. They are compiled with ajv, which the official packages bring along. SOUK_NPM is the
// node_modules folder of both.
//
// That takes longer than all else that a server does to start, and specs start hundreds. So the compiled functions of a
// revision are kept beside the packages, in node_modules/.cache, which goes when those are installed anew; the name of
// the file changes with this program and with what it reads.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.resolve(process.env.SOUK_NPM ?? path.join(here, '../../build/npm/node_modules'));
const SOURCE = path.join(modules, '@modelcontextprotocol/conformance/dist/index.js');
const START = /=(\{\$schema:`https?:\/\/json-schema\.org[^`]*`,(?:\$defs|definitions):)/g;

const require = createRequire(path.join(modules, 'any.js'));

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

function newAjv(Kind) {
  const ajv = new Kind({ strict: false, allErrors: true, validateSchema: false, code: { source: true } });
  require('ajv-formats').default(ajv);
  ajv.addFormat('byte', true);
  return ajv;
}

const newest = () => newAjv(require('ajv/dist/2020.js').default);

const methodsOf = (definitions) =>
  Object.entries(definitions).flatMap(([name, { properties }]) =>
    properties?.method?.const ? [[properties.method.const, name]] : [],
  );

// The text of a module that has a function for each definition, and tells which one belongs to which method.
function compile(revision) {
  const schema = readSchemas().get(revision);
  const part = '$defs' in schema ? '$defs' : 'definitions';
  const ajv = part === '$defs' ? newest() : newAjv(require('ajv').default);
  const uri = `mcp://${revision}/schema.json`;
  ajv.addSchema({ ...schema, $id: uri });
  const names = Object.keys(schema[part]).map((name) => [name, `${uri}#/${part}/${name}`]);
  const code = require('ajv/dist/standalone').default(ajv, Object.fromEntries(names));
  return `${code};exports["methods"] = ${JSON.stringify(methodsOf(schema[part]))};`;
}

// Several servers may be the first at once: each writes its own file, and the last one stays. A folder that cannot be
// written only costs time.
function keep(file, text) {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, text);
    renameSync(`${file}.${process.pid}`, file);
  } catch (error) {
    if (!['EACCES', 'EROFS', 'ENOSPC'].includes(error.code)) throw error;
  }
}

function evaluate(text) {
  const module = { exports: {} };
  new Function('module', 'exports', 'require', text)(module, module.exports, require);
  return module.exports;
}

function fileFor(revision) {
  const origin = [readFileSync(fileURLToPath(import.meta.url)), String(statSync(SOURCE).size)];
  const hash = origin.reduce((sum, text) => sum.update(text), createHash('sha256')).digest('hex');
  return path.join(modules, '.cache/souk-schemas', `${revision}-${hash.slice(0, 16)}.cjs`);
}

export const revisions = MARKS.map(([revision]) => revision);
export const available = () => existsSync(SOURCE);

// The functions of a revision by definition, and its `methods`. A function is ajv's: false, and then it has `errors`.
export function checksOf(revision) {
  const file = fileFor(revision);
  if (existsSync(file)) return require(file);
  const text = compile(revision);
  keep(file, text);
  return evaluate(text);
}

// A function for a schema that somebody sent.
let ajv;
export const checkFor = (schema) => (ajv ??= newest()).compile(schema);
