// What a server of others says, read from what it writes to its HTTP responses and to its stdout, so that its judge knows
// the revision that was agreed upon, the session's id, and the questions that the client has to answer.

import http from 'node:http';

// Calls onLine for every whole line that comes in pieces.
export function lines(onLine) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, Buffer.from(chunk)]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      onLine(rest.subarray(0, end).toString('utf8').replace(/\r$/, ''));
      rest = rest.subarray(end + 1);
    }
  };
}

function told(text, onMessage) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return; // the server's mistake, and none of ours
  }
  for (const message of Array.isArray(value) ? value : [value]) if (message) onMessage(message);
}

// Events of a stream: onEvent(name, data).
function events(onEvent) {
  let name = 'message';
  let data = [];
  return lines((line) => {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    if (line !== '') return;
    if (data.length > 0) onEvent(name, data.join('\n'));
    name = 'message';
    data = [];
  });
}

// The headers as they were sent: those that were given to writeHead are not found by getHeader.
const headerOf = (response, name) => new RegExp(`^${name}: *(.*?)\r$`, 'im').exec(response._header ?? '')?.[1];

// One response: ears.opens(request, session id) when it has one, ears.names(request, endpoint), ears.says(request,
// message).
function readerOf(response, ears) {
  const { req } = response;
  const id = headerOf(response, 'mcp-session-id');
  if (id) ears.opens(req, id);
  const say = (text) => told(text, (message) => ears.says(req, message));
  const type = headerOf(response, 'content-type') ?? '';
  if (type.startsWith('text/event-stream')) {
    const take = events((name, data) => (name === 'endpoint' ? ears.names(req, data) : say(data)));
    return { take, end: () => {} };
  }
  const pieces = [];
  const take = (chunk) => void pieces.push(Buffer.from(chunk));
  return { take, end: () => type.startsWith('application/json') && say(Buffer.concat(pieces).toString('utf8')) };
}

// The server's own call goes first: then its headers are there, and the client has not seen a byte before this turn ends.
export function overhearHttp(ears) {
  const readers = new WeakMap();
  const reader = (response) => {
    if (!readers.has(response)) readers.set(response, readerOf(response, ears));
    return readers.get(response);
  };
  const isBytes = (chunk) => typeof chunk === 'string' || chunk instanceof Uint8Array;
  const { write, end } = http.ServerResponse.prototype;
  http.ServerResponse.prototype.write = function writeAndTell(chunk, ...more) {
    const result = write.call(this, chunk, ...more);
    if (isBytes(chunk)) reader(this).take(chunk);
    return result;
  };
  http.ServerResponse.prototype.end = function endAndTell(chunk, ...more) {
    const result = end.call(this, chunk, ...more);
    if (isBytes(chunk)) reader(this).take(chunk);
    reader(this).end();
    return result;
  };
}

export function overhearStdout(onMessage) {
  const take = lines((line) => told(line, onMessage));
  const { write } = process.stdout;
  process.stdout.write = function writeAndTell(chunk, ...more) {
    take(chunk);
    return write.call(this, chunk, ...more);
  };
}
