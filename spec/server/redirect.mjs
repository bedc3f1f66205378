// Redirects: what the knob `redirect` says about a request to the endpoint, before anything looks at it.

import { headersForLog } from './ledger.mjs';

// Other paths of the endpoint; a request to one of them is never redirected.
export const MOVED = ['/mcp/', '/moved/mcp'];

// True when the request was answered with a redirect.
export function redirect({ knobs, ledger }, req, res) {
  const turn = knobs.redirect;
  if (!turn || MOVED.includes(req.url.split('?')[0])) return false;
  if (turn.verb && turn.verb !== req.method) return false;
  if (turn.times !== undefined && turn.times-- <= 0) return false;
  ledger.redirected.push({ http: req.method, path: req.url, headers: headersForLog(req.headers, knobs.token) });
  ledger.save();
  const headers = turn.to === undefined ? {} : { location: turn.to };
  res.writeHead(turn.status ?? 307, headers).end('elsewhere');
  return true;
}
