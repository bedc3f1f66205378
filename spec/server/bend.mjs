// Spoils the bytes of an answer that is given as always: what the server did, it did. For the connection of an HTTP
// response.

import { placeOf } from './place.mjs';

const bytesOf = (chunk, encoding) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk));

// Ends a connection: as a program that died ('reset'), or in an orderly way that nobody expected ('close').
export function hangUp(socket, how = 'reset') {
  if (how === 'reset') socket.resetAndDestroy();
  else socket.end(() => socket.destroy());
}

// Gives what the socket is told to write to `take(bytes, write)`, until the response is over.
function intercept(res, take) {
  const { socket } = res;
  const write = socket.write.bind(socket);
  socket.write = (chunk, encoding, done) => {
    const when = typeof encoding === 'function' ? encoding : done;
    take(bytesOf(chunk, typeof encoding === 'string' ? encoding : 'latin1'), write);
    if (when) setImmediate(when);
    return true;
  };
  res.on('finish', () => delete socket.write);
}

// Lets bytes through to the place that the fault names; what follows goes to what `strike(rest, write)` gives back.
function upTo(res, fault, strike) {
  let seen = Buffer.alloc(0);
  let struck;
  intercept(res, (bytes, write) => {
    if (struck) return struck(bytes);
    const before = seen.length;
    seen = Buffer.concat([seen, bytes]);
    const place = placeOf(fault, seen);
    if (place === undefined || place > seen.length) return write(bytes);
    const mine = bytes.subarray(0, Math.max(0, place - before));
    if (mine.length > 0) write(mine);
    struck = strike(bytes.subarray(mine.length), write);
    return undefined;
  });
}

// The connection ends at a place.
function cut(res, fault) {
  const { socket } = res;
  const end = () => setImmediate(hangUp, socket, fault.how);
  if (fault.at === 'end') return void res.on('finish', end);
  return upTo(res, fault, () => {
    end();
    return () => {};
  });
}

// Nothing goes on at a place: for `ms`, or for ever.
function stall(res, fault) {
  const { socket } = res;
  upTo(res, fault, (rest, write) => {
    const held = [rest];
    let isOver = false;
    const goOn = () => {
      isOver = true;
      if (!socket.destroyed) held.forEach((bytes) => write(bytes));
    };
    const timer = fault.ms && setTimeout(goOn, fault.ms);
    socket.on('close', () => clearTimeout(timer));
    return (bytes) => void (isOver ? write(bytes) : held.push(bytes));
  });
}

// Content-Length, or the length of the first chunk, is wrong by so many bytes.
function lie(res, fault) {
  const { socket } = res;
  let isTold = false;
  const wrong = (text) => {
    const length = /^content-length: *(\d+)/im.exec(text)?.[1];
    const size = /^[0-9a-f]+$/i.test(text);
    if (length) return text.replace(/^(content-length: *)\d+/im, `$1${Number(length) + fault.by}`);
    return size ? (Number.parseInt(text, 16) + fault.by).toString(16) : undefined;
  };
  intercept(res, (bytes, write) => {
    const text = isTold ? undefined : wrong(bytes.toString('latin1'));
    isTold ||= text !== undefined;
    write(text === undefined ? bytes : Buffer.from(text, 'latin1'));
  });
  if (fault.how) res.on('finish', () => setImmediate(hangUp, socket, fault.how));
}

// Another response right behind, on the same connection, that nobody has asked for.
function add(res, fault) {
  const { socket } = res;
  const body = fault.body ?? '';
  const text = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  res.on('finish', () => setTimeout(() => socket.destroyed || socket.write(text), fault.ms ?? 0));
}

const all = { cut, stall, length: lie, more: add };

export const isBend = (fault) => fault !== undefined && fault.kind in all;

// From now on, for the response `res` that is about to be written.
export function bend(res, fault) {
  res.socket.setNoDelay(true);
  all[fault.kind](res, fault);
}
