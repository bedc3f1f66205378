// Connects the official client; what official_client.mjs and official_features.mjs have in common.
//
// Arguments: legacy|auto URL [TOKEN], or legacy|auto --stdio COMMAND [ARGUMENT]...
// SOUK_NPM is the node_modules folder that holds @modelcontextprotocol/client.

import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.SOUK_NPM ?? path.join(here, '../../build/npm/node_modules');
const require = createRequire(path.join(modules, 'any.js'));
const { Client, SSEClientTransport, StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

export const [mode, where, ...rest] = process.argv.slice(2);
export const overStdio = where === '--stdio';

function newTransport() {
  if (overStdio) return new StdioClientTransport({ command: rest[0], args: rest.slice(1) });
  const headers = rest[0] ? { authorization: `Bearer ${rest[0]}` } : {};
  const Transport = mode === 'sse' ? SSEClientTransport : StreamableHTTPClientTransport;
  return new Transport(new URL(where), { requestInit: { headers } });
}

export const transport = newTransport();

// `prepare(client)` comes before the connection.
export async function connect(options = {}, prepare = () => {}) {
  const versionNegotiation = { mode: mode === 'sse' ? 'legacy' : mode };
  const client = new Client({ name: 'official', version: '1.0.0' }, { versionNegotiation, ...options });
  prepare(client);
  await client.connect(transport);
  return client;
}

export async function close(client) {
  if (!overStdio && mode === 'legacy') await transport.terminateSession();
  await client.close();
}
