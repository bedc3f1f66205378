// `node --import any_port.mjs server.js`: servers of others do not say which port they got when PORT is 0, so
// this prints "listening on <port>" for them.

import net from 'node:net';

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function listenAndTell(...args) {
  this.once('listening', () => console.log(`listening on ${this.address().port}`));
  return listen.apply(this, args);
};
