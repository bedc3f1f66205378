// The official client against a server, as a yardstick for the scripted server: what this client may do, the
// server has to accept without complaint.
//
//     node official_client.mjs legacy|auto http://127.0.0.1:8080/mcp [TOKEN]
//     node official_client.mjs legacy|auto --stdio COMMAND [ARGUMENT]...
//
// Prints one line of JSON: the revision, the number of tools, and what a few calls returned.
// SOUK_NPM is the node_modules folder that holds @modelcontextprotocol/client.

import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.SOUK_NPM ?? path.join(here, '../../build/npm/node_modules');
const require = createRequire(path.join(modules, 'any.js'));
const { Client, StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

const [mode, where, ...rest] = process.argv.slice(2);

const overStdio = where === '--stdio';
const transport = overStdio
  ? new StdioClientTransport({ command: rest[0], args: rest.slice(1) })
  : new StreamableHTTPClientTransport(new URL(where), {
      requestInit: rest[0] ? { headers: { authorization: `Bearer ${rest[0]}` } } : {},
    });
const client = new Client({ name: 'official', version: '1.0.0' }, { versionNegotiation: { mode } });

await client.connect(transport);
const tools = [];
let cursor;
do {
  const page = await client.listTools(cursor === undefined ? {} : { cursor });
  tools.push(...page.tools);
  cursor = page.nextCursor;
} while (cursor !== undefined);

let progress = 0;
const call = (name, input, options) => client.callTool({ name, arguments: input }, options);
const report = {
  revision: client.getNegotiatedProtocolVersion(),
  tools: tools.length,
  echo: (await call('echo', { text: 'grüezi' })).content[0].text,
  add: (await call('add', { a: 2, b: 3 })).structuredContent,
};
if (tools.some((tool) => tool.name === 'slow')) {
  const onprogress = () => {
    progress += 1;
  };
  report.slow = (await call('slow', { ms: 30, steps: 3 }, { onprogress })).content[0].text;
  report.progress = progress;
}
if (!overStdio && mode === 'legacy') await transport.terminateSession();
await client.close();
console.log(JSON.stringify(report));
