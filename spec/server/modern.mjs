// A server of revision 2026-07-28 that is not ours: the official packages, used as their documentation says. Over HTTP
// on any free port, or over stdio.
//
//     node modern.mjs [--legacy reject|stateless] [--answer auto|json|sse] [--stdio]
//
// SOUK_NPM is the node_modules folder that holds @modelcontextprotocol/server and /node.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.SOUK_NPM ?? path.join(here, '../../build/npm/node_modules');
const require = createRequire(path.join(modules, 'any.js'));
const sdk = require('@modelcontextprotocol/server');
const { z } = require('zod');

const { inputRequired, inputResponse } = sdk;

const { values: options } = parseArgs({
  options: {
    legacy: { type: 'string', default: 'reject' },
    answer: { type: 'string', default: 'auto' },
    stdio: { type: 'boolean', default: false },
  },
});

// requestState is signed by the package.
const states = sdk.createRequestStateCodec({ key: randomBytes(32) });
const extra = new Set(); // tools that were added while it runs
const versions = new Map(); // of resources that were touched
let tell; // what listeners are told through; over stdio it is the server itself

const schema = (properties) => sdk.fromJsonSchema({ type: 'object', properties, required: Object.keys(properties) });
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const json = (value) => text(JSON.stringify(value));

const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string', title: 'Name' },
    age: { type: 'integer', default: 30 },
    color: { type: 'string', enum: ['red', 'green'], default: 'green' },
  },
  required: ['name'],
};

function addPlainTools(server, era) {
  server.registerTool(
    'echo',
    { description: 'Gives the text back.', inputSchema: schema({ text: { type: 'string' } }) },
    async (input) => text(input.text),
  );
  server.registerTool(
    'add',
    {
      description: 'The sum of two numbers.',
      inputSchema: schema({ a: { type: 'number' }, b: { type: 'number' } }),
      outputSchema: schema({ sum: { type: 'number' } }),
    },
    async ({ a, b }) => ({ ...json({ sum: a + b }), structuredContent: { sum: a + b } }),
  );
  server.registerTool(
    'whoami',
    { description: 'What the server knows about its client.', inputSchema: schema({}) },
    async (_input, context) => {
      const envelope = context.mcpReq.envelope ?? {};
      return json({
        era,
        revision: envelope['io.modelcontextprotocol/protocolVersion'] ?? null,
        client: envelope['io.modelcontextprotocol/clientInfo']?.name ?? null,
        authorised: context.http?.req?.headers.has('authorization') ?? false,
      });
    },
  );
  server.registerTool(
    'work',
    { description: 'Reports progress and logs.', inputSchema: schema({ steps: { type: 'integer' } }) },
    async ({ steps }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (let progress = 1; progress <= steps; progress += 1) {
        await sleep(5);
        const params = { progressToken, progress, total: steps, message: `step ${progress}` };
        if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params });
        await mcpReq.log('info', { progress }, 'work');
      }
      return text(`worked ${steps} steps`);
    },
  );
}

// A tool that asks `question` once, and gives back what it was answered.
function addAsking(server, name, question) {
  server.registerTool(
    name,
    { description: `Asks: ${name}.`, inputSchema: schema({}) },
    async (_input, { mcpReq }) => {
      const answer = inputResponse(mcpReq.inputResponses, 'it');
      if (answer.kind !== 'missing') return json(answer);
      return inputRequired({ inputRequests: { it: question() } });
    },
  );
}

function addAskingTools(server) {
  addAsking(server, 'ask_form', () => inputRequired.elicit({ message: 'Who are you?', requestedSchema: PERSON }));
  addAsking(server, 'ask_url', () =>
    inputRequired.elicitUrl({
      message: 'Please sign in.',
      url: 'https://souk.example/sign-in',
      elicitationId: 'e-1',
    }),
  );
  addAsking(server, 'ask_sample', () =>
    inputRequired.createMessage({
      messages: [{ role: 'user', content: { type: 'text', text: 'What is the capital of France?' } }],
      maxTokens: 50,
    }),
  );
  addAsking(server, 'ask_roots', () => inputRequired.listRoots());
  server.registerTool(
    'ask_twice',
    { description: 'Asks two rounds, and keeps the first answer in requestState.', inputSchema: schema({}) },
    async (_input, context) => {
      const { mcpReq } = context;
      const first = mcpReq.requestState();
      const answer = inputResponse(mcpReq.inputResponses, first ? 'second' : 'first');
      if (first && answer.kind === 'elicit') return json([first.name, answer.content?.name ?? null]);
      const name = answer.kind === 'elicit' ? (answer.content?.name ?? null) : undefined;
      const key = name === undefined ? 'first' : 'second';
      return inputRequired({
        inputRequests: { [key]: inputRequired.elicit({ message: `The ${key} name?`, requestedSchema: PERSON }) },
        ...(name === undefined ? {} : { requestState: await states.mint({ name }, context) }),
      });
    },
  );
}

function addResources(server) {
  server.registerResource(
    'readme',
    'souk://readme',
    { mimeType: 'text/plain', cacheHint: { ttlMs: 60000, cacheScope: 'public' } },
    async (uri) => ({
      contents: [{ uri: uri.href, mimeType: 'text/plain', text: `version ${versions.get(uri.href) ?? 0}` }],
    }),
  );
  const template = new sdk.ResourceTemplate('souk://users/{name}', {
    list: undefined,
    complete: { name: (value) => ['ann', 'anton', 'bob'].filter((name) => name.startsWith(value)) },
  });
  server.registerResource('user', template, { mimeType: 'application/json' }, async (uri, { name }) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ name }) }],
  }));
  server.registerTool('touch', { inputSchema: schema({ uri: { type: 'string' } }) }, async ({ uri }) => {
    versions.set(uri, (versions.get(uri) ?? 0) + 1);
    await (tell?.resourceUpdated(uri) ?? server.server.sendResourceUpdated({ uri }));
    return text('touched');
  });
  server.registerTool('add_tool', { inputSchema: schema({ name: { type: 'string' } }) }, async ({ name }) => {
    extra.add(name);
    addExtra(server, name); // tells listeners over stdio, where this server lives on
    tell?.toolsChanged();
    return text('added');
  });
}

function addExtra(server, name) {
  server.registerTool(name, { inputSchema: schema({}) }, async () => text(`I am ${name}`));
}

function addPrompts(server) {
  const styles = ['brief', 'bold', 'plain'];
  const style = sdk.completable(z.string(), (value) => styles.filter((one) => one.startsWith(value)));
  server.registerPrompt(
    'review',
    { description: 'Asks for a review.', argsSchema: z.object({ style }) },
    (input) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `Review it, ${input.style}.` } }],
    }),
  );
  server.registerPrompt('ask', { description: 'Wants to know who asks.' }, async ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'who');
    if (answer.kind === 'missing') {
      return inputRequired({
        inputRequests: { who: inputRequired.elicit({ message: 'Who?', requestedSchema: PERSON }) },
      });
    }
    return { messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify(answer) } }] };
  });
}

function newServer({ era }) {
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    logging: {},
  };
  const server = new sdk.McpServer(
    { name: 'souk-modern', version: '1.0.0' },
    { capabilities, requestState: { verify: states.verify } },
  );
  addPlainTools(server, era);
  addAskingTools(server);
  addResources(server);
  addPrompts(server);
  extra.forEach((name) => addExtra(server, name));
  return server;
}

if (options.stdio) {
  const { serveStdio } = require('@modelcontextprotocol/server/stdio');
  serveStdio(newServer, { legacy: options.legacy === 'reject' ? 'reject' : 'serve' });
} else {
  const { toNodeHandler } = require('@modelcontextprotocol/node');
  const mcp = sdk.createMcpHandler(newServer, { legacy: options.legacy, responseMode: options.answer });
  tell = mcp.notify;
  const handler = toNodeHandler(mcp);
  const server = createServer((req, res) => {
    if (req.url.split('?')[0] === '/mcp') handler(req, res);
    else res.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
}
