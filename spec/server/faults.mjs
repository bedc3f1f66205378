// What can go wrong with one response. A fault is { method, kind, times, after, executed, ... }; see README.md.

import { failure } from './errors.mjs';
import { pour, spill } from './pour.mjs';

const HUGE_PIECE = Buffer.alloc(64 * 1024, 'x');

function head(res, status, headers) {
  res.writeHead(status, headers);
}

// Says that it is longer than it is, and hangs up.
function truncate(res, text) {
  const bytes = Buffer.from(text);
  head(res, 200, { 'content-type': 'application/json', 'content-length': bytes.length });
  res.write(bytes.subarray(0, Math.max(1, bytes.length >> 1)), () => res.socket?.destroy());
}

function huge(res, message, size) {
  head(res, 200, { 'content-type': 'application/json' });
  let left = size;
  res.write(
    `{"jsonrpc":"2.0","id":${JSON.stringify(message?.id ?? null)},"result":{"content":[{"type":"text","text":"`,
  );
  const more = () => {
    while (left > 0 && !res.destroyed) {
      const piece = HUGE_PIECE.subarray(0, Math.min(left, HUGE_PIECE.length));
      left -= piece.length;
      if (!res.write(piece)) return void res.once('drain', more);
    }
    res.end('"}]}}');
    return undefined;
  };
  more();
}

// The text of the answer that the tool gave before the fault, if it was executed.
export const commit = (reply) => reply && JSON.stringify(reply);

const goodReply = (id, executed) =>
  executed ?? JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'fault' }] } });
const rpcError = (fault, id) => JSON.stringify(failure(id, fault.code, fault.message ?? 'fault', fault.data));
const rpcResult = (fault, id) => JSON.stringify({ jsonrpc: '2.0', id, result: fault.result });
const forNobody = (good) => JSON.stringify({ ...JSON.parse(good), id: 'nobody asked' });

// The line with which a child answers `message` as the fault says; undefined: none. What is about HTTP alone is none.
export function faultyLine(fault, message, executed) {
  const id = message.id ?? null;
  const good = goodReply(id, executed);
  const lines = {
    rpc_error: () => rpcError(fault, id),
    result: () => rpcResult(fault, id),
    body: () => fault.body,
    invalid_json: () => good.slice(0, -2),
    wrong_id: () => forNobody(good),
    empty: () => '',
    hang: () => undefined,
    reset: () => process.exit(9),
  };
  if (!(fault.kind in lines)) throw new Error(`a child has no fault of kind '${fault.kind}'`);
  return lines[fault.kind]();
}

// Answers `message` (undefined for GET and DELETE) as the fault says.
export function strike(fault, message, res, executed) {
  const id = message?.id ?? null;
  const good = goodReply(id, executed);
  const asJson = (text, status = 200) => {
    head(res, status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...fault.headers,
    });
    res.end(text);
  };
  switch (fault.kind) {
    case 'status':
      head(res, fault.status, { 'content-type': 'text/plain', ...fault.headers });
      return res.end(fault.body ?? `status ${fault.status}`);
    case 'rpc_error':
      return asJson(rpcError(fault, id), fault.status);
    case 'result':
      return asJson(rpcResult(fault, id), fault.status);
    case 'body':
      return asJson(fault.body, fault.status);
    case 'truncated':
      return truncate(res, good);
    case 'invalid_json':
      return asJson(good.slice(0, -2));
    case 'content_type':
      head(res, 200, { 'content-type': fault.type ?? 'text/html' });
      return res.end(fault.body ?? '<html><body>a login page</body></html>');
    case 'wrong_id':
      return asJson(forNobody(good));
    case 'empty':
      return asJson('');
    case 'huge':
      return huge(res, message, fault.bytes);
    case 'hang':
      return undefined;
    case 'reset':
      return res.socket.destroy();
    case 'bytes':
      return spill(res.socket, fault);
    case 'endless':
      return pour(res.socket, fault);
    default:
      return asJson(`there is no fault of kind '${fault.kind}'`, 500);
  }
}
