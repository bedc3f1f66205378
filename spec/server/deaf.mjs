// A port that answers no connection: who connects waits. It prints `listening on <port>`, and is ended by a signal.
//
// Nothing accepts, because the loop never runs again, and the line of those who want in is full of our own connections;
// the system then leaves unanswered whoever comes.

import net from 'node:net';
import { writeSync } from 'node:fs';

const IN_LINE = 4; // more than a line of one has room for

const server = net.createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  const { port } = server.address();
  for (let count = 0; count < IN_LINE; count += 1) net.connect(port, '127.0.0.1').on('error', () => {});
  process.nextTick(() => {
    writeSync(1, `listening on ${port}\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
});
