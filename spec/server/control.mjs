// Not for clients: what specifications read and turn. Knobs, delays and tokens do not touch it.

import { defaults, turn } from './knobs.mjs';
import { sendJson } from './write.mjs';

async function jsonBody(req) {
  let text = '';
  for await (const piece of req) text += piece;
  return text === '' ? {} : JSON.parse(text);
}

export function controls(world, mcp, server) {
  const { knobs, ledger } = world;
  const all = {
    'GET ledger': () => ledger,
    'GET faults': () => ({ violations: ledger.violations, mistakes: ledger.mistakes }),
    'GET knobs': () => knobs,
    'POST knobs': (changes) => turn(knobs, changes),
    'POST reset': () => {
      turn(knobs, defaults());
      mcp.dropSessions();
      world.reset();
      ledger.reset();
      return {};
    },
    'POST drop-sessions': () => {
      mcp.dropSessions();
      return {};
    },
    'POST notify': ({ method, params }) => ({ told: world.tell(method, params) }),
    'POST tools': (changes) => ({ told: world.setTools(changes) }),
    'POST touch': ({ uri }) => ({ told: world.touch(uri) }),
    'POST end-listen': ({ how }) => ({ ended: world.endListening(how) }),
    'POST close-port': ({ ms }) => {
      if (ms === undefined) mcp.port.close();
      else mcp.port.shut({ ms });
      return {};
    },
    'POST open-port': async () => {
      await mcp.port.open();
      return {};
    },
    'POST drop-connections': () => {
      setImmediate(() => server.closeAllConnections());
      return {};
    },
  };
  return async (req, res) => {
    const run = all[`${req.method} ${req.url.replace('/control/', '')}`];
    const plain = { chunks: 0 };
    if (!run) return sendJson(res, 404, { error: 'there is no such control' }, plain);
    return sendJson(res, 200, await run(await jsonBody(req)), plain);
  };
}
