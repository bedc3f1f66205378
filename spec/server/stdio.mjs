// MCP over stdin and stdout, one message a line.

import { createInterface } from 'node:readline';

import { isBend, writeBent } from './child_faults.mjs';
import { watchStdin } from './early.mjs';
import { ChildFaults } from './fault_queue.mjs';
import { commit, faultyLine } from './faults.mjs';
import { offersModern } from './knobs.mjs';
import { answer, negotiate, newSession, refuseModern, unsupported } from './protocol.mjs';
import * as rules from './rules.mjs';
import { modernRules } from './rules_modern.mjs';
import { Running } from './running.mjs';
import { isTelling, prelude, tell } from './told.mjs';
import { encode } from './wire.mjs';
import { FULL } from './write.mjs';

export function serveStdio(world) {
  const { knobs, ledger } = world;
  const faults = new ChildFaults(knobs, ledger);
  const running = new Running();
  const modernIds = new Set();
  let session;
  let calls = 0;
  let held; // the first answer of a pair, when they go out of order

  const flood = () => {
    if (knobs.flood_stderr > 0) process.stderr.write('e'.repeat(knobs.flood_stderr - 1) + '\n');
  };
  const write = (message) => {
    if (knobs.garbage) process.stdout.write('this line is no JSON\n');
    process.stdout.write(`${encode(message, knobs)}\n`);
  };
  const ways = { notify: write, channel: () => ({ send: write, where: 'stdio' }) };

  // Out of order: the answer to every other tools/call waits for the next one and goes second.
  const writeReply = (message, reply) => {
    if (reply === undefined) return undefined;
    if (!knobs.out_of_order || message.method !== 'tools/call') return write(reply);
    if (held === undefined) {
      held = reply;
      return undefined;
    }
    write(reply);
    write(held);
    held = undefined;
    return undefined;
  };

  const around = { pairs: world.pairs, isOver: () => false, isFull: () => process.stdout.writableLength > FULL };

  async function writeTold(fault, reply) {
    for await (const piece of tell(fault, reply, around)) {
      if (piece.raw) process.stdout.write(piece.raw);
      else if (Buffer.isBuffer(piece)) process.stdout.write(Buffer.concat([piece, Buffer.from('\n')]));
      else write(piece);
    }
  }

  const respond = (message, base) =>
    running.run(message, base.session, async ({ signal }) => {
      const context = { world, knobs, ledger, ...ways, ...base, signal };
      const fault = faults.take(message.method, message);
      await prelude(fault, message, write);
      if (!fault) return writeReply(message, await answer(message, context));
      if (isBend(fault)) return writeBent(fault, `${encode(await answer(message, context), knobs)}\n`);
      if (isTelling(fault)) return writeTold(fault, await answer(message, context));
      const line = faultyLine(fault, message, fault.executed && commit(await answer(message, context)));
      if (line !== undefined) process.stdout.write(`${line}\n`);
      return undefined;
    });

  async function modern(message) {
    if (!offersModern(knobs)) {
      if (knobs.discover_stdio === 'die') process.exit(3);
      const refusal = rules.isRequest(message) ? refuseModern(knobs.discover_stdio, message.id) : undefined;
      if (refusal) write(refusal.body);
      return undefined;
    }
    modernRules(message).forEach((text) => ledger.violation(text));
    if (rules.isNotification(message)) return undefined;
    if (modernIds.has(message.id))
      ledger.violation(`${message.method}: the id ${JSON.stringify(message.id)} was used before`);
    modernIds.add(message.id);
    const asked = rules.meta(message, 'protocolVersion');
    if (!knobs.revisions.includes(asked)) return write(unsupported(knobs, message.id, asked));
    return respond(message, { modern: true });
  }

  async function legacy(message) {
    rules.legacyRules(message, session).forEach((text) => ledger.violation(text));
    if (message.method === 'initialize') {
      const revision = negotiate(knobs, message.params?.protocolVersion);
      if (!revision) return write(unsupported(knobs, message.id, message.params?.protocolVersion));
      session = newSession('stdio', revision, message);
      session.ids.add(message.id);
      session.channel = { send: write };
      world.sessions.add(session);
    } else if (message.method === 'notifications/initialized' && session) {
      session.initialized = true;
    }
    if (rules.isReply(message)) return world.questions.take(message, session);
    if (!rules.isRequest(message)) return undefined;
    return respond(message, { modern: false, session });
  }

  async function take(line) {
    flood();
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      ledger.violation('a line is no JSON');
      return;
    }
    rules.messageRules(message).forEach((text) => ledger.violation(text));
    if (message?.method) {
      ledger.count('methods', message.method);
      ledger.request({ method: message.method, id: message.id, name: message.params?.name });
      ledger.look(message);
    }
    if (message.method === 'notifications/cancelled') {
      ledger.cancelled.push(message.params?.requestId);
      running.cancel(session, message.params?.requestId);
      running.cancel(undefined, message.params?.requestId);
    }
    ledger.save();
    if (message.method === 'tools/call') {
      calls += 1;
      if (calls === knobs.die_on_call) process.exit(7);
    }
    // Modern cancellation has no envelope that would tell.
    const isModern =
      rules.isModern(message) ||
      (session === undefined && message.method === 'notifications/cancelled' && offersModern(knobs));
    await (isModern ? modern(message) : legacy(message));
    ledger.save();
  }

  if (knobs.die_at_start) {
    process.stderr.write('souk-scripted: no configuration found, giving up\n');
    process.exit(1);
  }
  process.on('SIGTERM', () => {
    if (!knobs.ignore_term) process.exit(0);
  });
  process.stdout.on('error', () => process.exit(0)); // nobody reads any more
  flood();
  watchStdin(faults, process.stdin);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', take);
  lines.on('close', () => {
    if (knobs.ignore_eof) setInterval(() => {}, 1000);
    else process.exit(0);
  });
}
