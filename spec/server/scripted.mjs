// A scripted MCP server for specifications; README.md says what it can be made to do.
//
//     node scripted.mjs [--port N] [--knobs JSON] [--ledger FILE] [--cert FILE --key FILE]
//     node scripted.mjs --stdio [--knobs JSON] [--ledger FILE]

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { parseArgs } from 'node:util';

import { defaults, turn } from './knobs.mjs';
import { Ledger } from './ledger.mjs';
import { HttpServer } from './http.mjs';
import { serveStdio } from './stdio.mjs';
import { sendJson } from './write.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    stdio: { type: 'boolean', default: false },
    knobs: { type: 'string', default: '{}' },
    ledger: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
  },
});

const knobs = turn(defaults(), JSON.parse(options.knobs));
const ledger = new Ledger(options.ledger);

async function jsonBody(req) {
  let text = '';
  for await (const piece of req) text += piece;
  return text === '' ? {} : JSON.parse(text);
}

// Not for clients: what specifications read and turn. Knobs, delays and tokens do not touch it.
async function control(req, res, mcp, server) {
  const plain = { chunks: 0 };
  switch (`${req.method} ${req.url}`) {
    case 'GET /control/ledger':
      return sendJson(res, 200, ledger, plain);
    case 'GET /control/knobs':
      return sendJson(res, 200, knobs, plain);
    case 'POST /control/knobs':
      return sendJson(res, 200, turn(knobs, await jsonBody(req)), plain);
    case 'POST /control/reset':
      turn(knobs, defaults());
      mcp.dropSessions();
      ledger.reset();
      return sendJson(res, 200, {}, plain);
    case 'POST /control/drop-sessions':
      mcp.dropSessions();
      return sendJson(res, 200, {}, plain);
    case 'POST /control/drop-connections':
      await sendJson(res, 200, {}, plain);
      return setImmediate(() => server.closeAllConnections());
    default:
      return sendJson(res, 404, { error: 'there is no such control' }, plain);
  }
}

function serveHttp() {
  const mcp = new HttpServer(knobs, ledger);
  const handle = async (req, res) => {
    try {
      if (req.url.startsWith('/control/')) await control(req, res, mcp, server);
      else if (req.url.split('?')[0] === '/mcp') await mcp.handle(req, res);
      else res.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found');
    } catch (error) {
      if (res.headersSent) res.destroy();
      else res.writeHead(500, { 'content-type': 'text/plain' }).end(String(error.stack));
    }
  };
  const server = options.cert
    ? https.createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) }, handle)
    : http.createServer(handle);
  server.keepAliveTimeout = 60000;
  server.on('connection', () => {
    ledger.connections += 1;
  });
  server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
}

if (options.stdio) serveStdio(knobs, ledger);
else serveHttp();
