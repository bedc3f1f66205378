// What is told in place of an answer, one message after another: it comes late, twice, out of order, under another id,
// behind nonsense, or behind a flood. Over all transports. A piece is a message; or bytes, which take the place of one;
// or { raw }, bytes that are nothing whole.

import { setTimeout as sleep } from 'node:timers/promises';

import { notification } from './errors.mjs';

const FLOOD_MS = 5000; // no flood is without end
const FLOOD_PIECES = 10; // in a millisecond
const PIECE = Buffer.alloc(16 * 1024, 'x');

const noise = notification('notifications/message', { level: 'info', logger: 'flood', data: 'x'.repeat(200) });

// Calls that wait for another one, by the name of their pair.
export class Pairs {
  constructor() {
    this.first = new Map();
  }

  // Waits for the other one of the pair, and tells who came first, and what the other one had to say.
  meet(name, reply) {
    const first = this.first.get(name);
    if (first) {
      this.first.delete(name);
      first.go({ isFirst: true, other: reply });
      return Promise.resolve({ isFirst: false, other: first.reply });
    }
    return new Promise((go) => this.first.set(name, { reply, go }));
  }
}

// Notifications, or one of them that has no end.
async function* flood({ of, ms = FLOOD_MS }, { isOver, isFull }) {
  const end = Date.now() + ms;
  const piece = of === 'notifications' ? noise : { raw: PIECE };
  if (of !== 'notifications') yield { raw: Buffer.from('data: {"jsonrpc":"2.0","method":"') };
  while (Date.now() < end && !isOver()) {
    for (let count = 0; count < FLOOD_PIECES && !isFull(); count += 1) yield piece;
    await sleep(1);
  }
}

// On the other pipe of a child; waits until it was read.
const loud = ({ bytes }) => new Promise((done) => process.stderr.write(`${'e'.repeat(bytes)}\n`, done));

const tellers = {
  async *late(fault, reply) {
    await sleep(fault.ms);
    yield reply;
  },
  // The second one comes `ms` later, as an answer to nobody.
  async *twice(fault, reply) {
    yield reply;
    if (fault.ms) await sleep(fault.ms);
    yield reply;
  },
  async *stranger(fault, reply) {
    yield { ...reply, id: fault.id ?? 'nobody asked' };
    if (fault.and_mine) yield reply;
  },
  async *nonsense(fault, reply) {
    yield Buffer.from(fault.text ?? '', fault.encoding ?? 'utf8');
    if (fault.and_mine) yield reply;
  },
  // Two calls: who came first is answered last.
  async *swap(fault, reply, { pairs }) {
    const { isFirst } = await pairs.meet(fault.pair, reply);
    if (isFirst) await sleep(fault.ms ?? 20);
    yield reply;
  },
  // Two calls: each answer goes where the other one belongs.
  async *cross(fault, reply, { pairs }) {
    const { other } = await pairs.meet(fault.pair, reply);
    yield other;
  },
  async *flood(fault, reply, around) {
    if (fault.of === 'stderr') await loud(fault);
    else yield* flood(fault, around);
    if (fault.and_mine) yield reply;
  },
};

export const isTelling = (fault) => fault !== undefined && fault.kind in tellers;

// The pieces that are told for `reply`. around: { pairs, isOver(): nobody listens, isFull(): enough waits to be heard }.
export const tell = (fault, reply, around) => (isTelling(fault) ? tellers[fault.kind](fault, reply, around) : [reply]);

// Before the tool runs: `pause` milliseconds, and as many reports of progress as `prelude` says, if the client wants to
// hear of it.
export async function prelude(fault, message, notify) {
  if (fault?.pause) await sleep(fault.pause);
  const progressToken = message.params?._meta?.progressToken;
  if (progressToken === undefined) return;
  for (let progress = 1; progress <= (fault?.prelude ?? 0); progress += 1) {
    notify(notification('notifications/progress', { progressToken, progress }));
  }
}
