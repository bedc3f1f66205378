// A scripted MCP server for specifications; README.md says what it can be made to do.
//
//     node scripted.mjs [--port N] [--knobs JSON] [--ledger FILE] [--cert FILE --key FILE]
//     node scripted.mjs --stdio [--knobs JSON] [--knobs-file FILE] [--ledger FILE [--keep]]

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { parseArgs } from 'node:util';

import { defaults, turn } from './knobs.mjs';
import { strikeConnection } from './early.mjs';
import { Ledger } from './ledger.mjs';
import { controls } from './control.mjs';
import { HttpServer } from './http.mjs';
import { Port } from './port.mjs';
import { MOVED, redirect } from './redirect.mjs';
import { warm } from './schemas.mjs';
import { ENDPOINT } from './sse_transport.mjs';
import { serveStdio } from './stdio.mjs';
import { World } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    stdio: { type: 'boolean', default: false },
    knobs: { type: 'string', default: '{}' },
    'knobs-file': { type: 'string' }, // more knobs: what a server is that comes back as another one
    ledger: { type: 'string' },
    keep: { type: 'boolean', default: false }, // started again: the ledger goes on, and faults that struck do not again
    cert: { type: 'string' },
    key: { type: 'string' },
  },
});

const knobs = turn(defaults(), JSON.parse(options.knobs));
if (options['knobs-file']) turn(knobs, JSON.parse(readFileSync(options['knobs-file'])));
const ledger = new Ledger(options.ledger, options.keep);
const world = new World(knobs, ledger);

function serveHttp() {
  const mcp = new HttpServer(world);
  const isEndpoint = (path) => path === '/mcp' || MOVED.includes(path);
  const isKnown = (path) => isEndpoint(path) || (knobs.transport === 'sse' && path === ENDPOINT);
  const handle = async (req, res) => {
    try {
      if (req.url.startsWith('/control/')) await control(req, res);
      else if (redirect(world, req, res)) return;
      else if (isKnown(req.url.split('?')[0])) await mcp.handle(req, res);
      else res.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found');
    } catch (error) {
      if (res.headersSent) res.destroy();
      else res.writeHead(500, { 'content-type': 'text/plain' }).end(String(error.stack));
    }
  };
  const server = options.cert
    ? https.createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) }, handle)
    : http.createServer(handle);
  const control = controls(world, mcp, server);
  mcp.port = new Port(server);
  warm();
  server.keepAliveTimeout = 60000;
  server.on('connection', (socket) => {
    ledger.connections += 1;
    strikeConnection(knobs, socket);
  });
  // The side door: controls that work also while the port is closed.
  const side = http.createServer(control);
  side.listen(0, '127.0.0.1', () => {
    console.log(`control on ${side.address().port}`);
    server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
  });
}

if (options.stdio) serveStdio(world);
else serveHttp();
