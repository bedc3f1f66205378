// Responses that have no end, and bytes that are no response. Both go to the connection as they are.

import { setTimeout as sleep } from 'node:timers/promises';

import { hangUp } from './bend.mjs';
import { FULL } from './write.mjs';

const POUR_MS = 5000; // no flood is without end
const PIECES = 4; // in a millisecond

const BLOCK = 'x'.repeat(16 * 1024);
const HEAD = 'HTTP/1.1 200 OK\r\n';
const JSON_HEAD = `${HEAD}content-type: application/json\r\nconnection: close\r\n\r\n`;
const SSE_HEAD = `${HEAD}content-type: text/event-stream\r\nconnection: close\r\n\r\n`;

// What comes first, and what comes again and again.
const floods = {
  headers: () => [HEAD, (number) => `x-flood-${number}: ${'y'.repeat(200)}\r\n`],
  header: () => [`${HEAD}x-flood: `, () => BLOCK],
  interim: () => ['', () => 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'],
  body: () => [`${JSON_HEAD}{"jsonrpc":"2.0","result":"`, () => BLOCK],
  comments: () => [SSE_HEAD, () => ': nothing new\n\n'],
};

// Pours for `ms`, or until the client has had enough.
export async function pour(socket, { of, ms = POUR_MS, how }) {
  const [first, next] = floods[of]();
  const end = Date.now() + ms;
  socket.write(first);
  for (let number = 0; Date.now() < end && !socket.destroyed; ) {
    for (let count = 0; count < PIECES && socket.writableLength < FULL; count += 1) socket.write(next((number += 1)));
    await sleep(1);
  }
  hangUp(socket, how);
}

export function spill(socket, { text, encoding = 'latin1', how = 'close' }) {
  socket.write(Buffer.from(text, encoding), () => how !== 'stay' && hangUp(socket, how));
}
