// Writing responses: whole, or in pieces of an odd size, each in its own packet.

import { setImmediate as turn } from 'node:timers/promises';

import { encode } from './wire.mjs';

export const FULL = 1024 * 1024; // bytes that wait to be sent: no flood goes on

async function inPieces(res, bytes, size) {
  for (let at = 0; at < bytes.length && !res.destroyed; at += size) {
    res.write(bytes.subarray(at, at + size));
    await turn();
  }
}

export async function send(res, status, headers, text, knobs) {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'utf8');
  res.socket?.setNoDelay(true);
  if (knobs.chunks > 0 && bytes.length > knobs.chunks) {
    res.writeHead(status, headers);
    await inPieces(res, bytes, knobs.chunks);
    res.end();
  } else {
    res.writeHead(status, { ...headers, 'content-length': bytes.length });
    res.end(bytes);
  }
}

export const sendJson = (res, status, message, knobs, headers = {}) =>
  send(res, status, { 'content-type': 'application/json', ...headers }, encode(message, knobs), knobs);

// Bytes that take the place of a message in an event stream.
export const asEvent = (bytes) => Buffer.concat([Buffer.from('event: message\ndata: '), bytes, Buffer.from('\n\n')]);

// An event stream. Events are written in order, one after the other, also when they come in pieces.
export function openStream(res, headers, knobs) {
  res.socket?.setNoDelay(true);
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...headers });
  res.flushHeaders();
  let tail = Promise.resolve();
  const write = (text) => {
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'utf8');
    tail = tail.then(() => (knobs.chunks > 0 ? inPieces(res, bytes, knobs.chunks) : void res.write(bytes)));
  };
  return {
    event({ name = 'message', id, retry, data }) {
      const lines = [`event: ${name}`];
      if (id !== undefined) lines.push(`id: ${id}`);
      if (retry !== undefined && retry !== null) lines.push(`retry: ${retry}`);
      lines.push(`data: ${data}`);
      write(`${lines.join('\n')}\n\n`);
    },
    raw: write,
    comment(text) {
      write(`: ${text}\n\n`);
    },
    end() {
      return tail.then(() => res.end());
    },
  };
}
