// Faults that strike before anybody knows what is asked for: when a connection is accepted, or while a request comes in.

import { hangUp } from './bend.mjs';
import { takeFault } from './fault_queue.mjs';

const STALL_MS = 60000; // a child that waits for nothing would end

// A connection that was just accepted: ended at once, or never read from.
export function strikeConnection(knobs, socket) {
  const fault = takeFault(knobs, 'connection');
  if (fault?.kind === 'cut') setImmediate(hangUp, socket, fault.how);
  if (fault?.kind === 'stall') setImmediate(() => socket.pause());
}

// A POST whose head was read: true when a fault has struck it. `at`: after so many bytes of its body.
export async function strikeRequest(knobs, req) {
  const fault = takeFault(knobs, 'POST', undefined, req.url);
  if (!fault) return false;
  let size = 0;
  if ((fault.at ?? 0) > 0) {
    for await (const piece of req) {
      size += piece.length;
      if (size >= fault.at) break;
    }
  }
  if (fault.kind === 'cut') hangUp(req.socket, fault.how);
  else req.pause();
  return true;
}

// A child whose stdin has brought `at` bytes of a line: it ends ('cut'), or reads no more for `ms` ('stall').
export function watchStdin(faults, stdin) {
  let size = 0; // of the line that is coming in
  stdin.on('data', (bytes) => {
    const end = bytes.lastIndexOf('\n');
    size = end < 0 ? size + bytes.length : bytes.length - end - 1;
    const fault = faults.takeOfStdin(size);
    if (fault?.kind === 'cut') process.exit(9);
    if (fault?.kind === 'stall') {
      stdin.pause();
      setTimeout(() => stdin.resume(), fault.ms ?? STALL_MS);
    }
  });
}
