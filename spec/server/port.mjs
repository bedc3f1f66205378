// The port of the server: closed for a while, or for as long as a program needs that is started anew. From outside that
// is what happens when it goes away and comes back.

import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 50;

export class Port {
  constructor(server) {
    this.server = server;
    this.sockets = new Set();
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  // Nobody gets in any more, and who is in is thrown out.
  close() {
    this.number ??= this.server.address()?.port;
    this.server.close();
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  // On the same port as before. Somebody else's connection may sit on it for a moment.
  async open() {
    while (!this.server.listening) {
      if (!(await this.listen())) await sleep(RETRY_MS);
    }
  }

  listen() {
    const { server, number } = this;
    return new Promise((done) => {
      const failed = () => done(false);
      server.once('error', failed);
      server.listen(number, '127.0.0.1', () => {
        server.off('error', failed);
        done(true);
      });
    });
  }

  // For `ms` only.
  shut({ ms = 0 }) {
    this.close();
    setTimeout(() => this.open(), ms);
  }
}
