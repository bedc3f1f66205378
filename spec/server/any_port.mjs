// `node --import any_port.mjs server.js`: servers of others do not say which port they got when PORT is 0, so
// this prints "listening on <port>" for them. SIGUSR2 breaks all their connections, as a network does.

import net from 'node:net';

const sockets = new Set();
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function listenAndTell(...args) {
  this.once('listening', () => console.log(`listening on ${this.address().port}`));
  this.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return listen.apply(this, args);
};

process.on('SIGUSR2', () => sockets.forEach((socket) => socket.destroy()));
