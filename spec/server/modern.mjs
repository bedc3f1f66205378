// A server of revision 2026-07-28 that is not ours: the official packages, with three tools. Over HTTP on
// any free port, or over stdio.
//
//     node modern.mjs [--legacy reject|stateless] [--answer auto|json|sse] [--stdio]
//
// SOUK_NPM is the node_modules folder that holds @modelcontextprotocol/server and /node.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.SOUK_NPM ?? path.join(here, '../../build/npm/node_modules');
const require = createRequire(path.join(modules, 'any.js'));
const { McpServer, createMcpHandler, fromJsonSchema } = require('@modelcontextprotocol/server');

const { values: options } = parseArgs({
  options: {
    legacy: { type: 'string', default: 'reject' },
    answer: { type: 'string', default: 'auto' },
    stdio: { type: 'boolean', default: false },
  },
});

const schema = (properties) =>
  fromJsonSchema({ type: 'object', properties, required: Object.keys(properties) });
const text = (value) => ({ content: [{ type: 'text', text: value }] });

function newServer({ era }) {
  const server = new McpServer({ name: 'souk-modern', version: '1.0.0' }, { capabilities: { tools: {} } });
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
    async ({ a, b }) => ({ ...text(JSON.stringify({ sum: a + b })), structuredContent: { sum: a + b } }),
  );
  server.registerTool(
    'whoami',
    { description: 'What the server knows about its client.', inputSchema: schema({}) },
    async (_input, context) => {
      const envelope = context.mcpReq.envelope ?? {};
      return text(
        JSON.stringify({
          era,
          revision: envelope['io.modelcontextprotocol/protocolVersion'] ?? null,
          client: envelope['io.modelcontextprotocol/clientInfo']?.name ?? null,
          authorised: context.http?.req?.headers.has('authorization') ?? false,
        }),
      );
    },
  );
  return server;
}

if (options.stdio) {
  const { serveStdio } = require('@modelcontextprotocol/server/stdio');
  serveStdio(newServer, { legacy: options.legacy === 'reject' ? 'reject' : 'serve' });
} else {
  const { toNodeHandler } = require('@modelcontextprotocol/node');
  const handler = toNodeHandler(createMcpHandler(newServer, { legacy: options.legacy, responseMode: options.answer }));
  const server = createServer((req, res) => {
    if (req.url.split('?')[0] === '/mcp') handler(req, res);
    else res.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
}
