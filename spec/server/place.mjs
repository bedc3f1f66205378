// A place in the bytes of a response, as a fault names it: `at`. The bytes are looked at as far as they have come.

const HEAD_END = Buffer.from('\r\n\r\n');
const EVENT_END = Buffer.from('\n\n');
const INTO_EVENT = 12; // bytes: in the middle of its first line

export function headEnd(bytes) {
  const at = bytes.indexOf(HEAD_END);
  return at < 0 ? undefined : at + HEAD_END.length;
}

const lengthIn = (head) => /^content-length: *(\d+)/im.exec(head)?.[1];

// Where the body begins and how long it, or its first piece, is: { from, length }; undefined: it is not known yet.
function bodyOf(bytes) {
  const end = headEnd(bytes);
  if (end === undefined) return undefined;
  const length = lengthIn(bytes.toString('latin1', 0, end));
  if (length !== undefined) return { from: end, length: Number(length) };
  const size = /^([0-9a-f]+)\r\n/i.exec(bytes.toString('latin1', end, end + 20));
  return size ? { from: end + size[0].length, length: Number.parseInt(size[1], 16) } : undefined;
}

// Behind so many events.
function behindEvents(bytes, count) {
  let at = headEnd(bytes);
  for (let left = count; left > 0 && at !== undefined; left -= 1) {
    const end = bytes.indexOf(EVENT_END, at);
    at = end < 0 ? undefined : end + EVENT_END.length;
  }
  return at;
}

const half = ({ from, length }) => from + (length >> 1);

// Behind how many bytes the fault strikes; undefined: that is not known yet. 'end' is none of the bytes' business.
export function placeOf({ at, events = 1 }, bytes) {
  const end = headEnd(bytes);
  const body = bodyOf(bytes);
  switch (at) {
    case 'start':
      return 0;
    case 'head':
      return end === undefined ? undefined : end >> 1;
    case 'behind head':
      return end;
    case 'body':
      return body && half(body);
    case 'between':
      return behindEvents(bytes, events);
    case 'event': {
      const before = behindEvents(bytes, events);
      return before === undefined ? undefined : before + INTO_EVENT;
    }
    case 'end':
      return undefined;
    default:
      return Number(at);
  }
}
