// MCP over stdin and stdout, one message a line.

import { createInterface } from 'node:readline';

import { MODERN, offersModern } from './knobs.mjs';
import { answer, negotiate, newSession, refuseModern, unsupported } from './protocol.mjs';
import * as rules from './rules.mjs';

export function serveStdio(knobs, ledger) {
  let session;
  let calls = 0;
  let held; // the first answer of a pair, when they go out of order

  const flood = () => {
    if (knobs.flood_stderr > 0) process.stderr.write('e'.repeat(knobs.flood_stderr - 1) + '\n');
  };
  const write = (message) => {
    if (knobs.garbage) process.stdout.write('this line is no JSON\n');
    process.stdout.write(`${JSON.stringify(message)}\n`);
  };

  // Out of order: the answer to every other tools/call waits for the next one and goes second.
  const writeReply = (message, reply) => {
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

  async function modern(message) {
    if (!offersModern(knobs)) {
      if (knobs.discover_stdio === 'die') process.exit(3);
      const refusal = rules.isRequest(message) ? refuseModern(knobs.discover_stdio, message.id) : undefined;
      if (refusal) write(refusal.body);
      return;
    }
    rules.modernRules(message).forEach((text) => ledger.violation(text));
    if (rules.isNotification(message)) return;
    const asked = rules.meta(message, 'protocolVersion');
    writeReply(message, asked === MODERN
      ? await answer(message, { knobs, ledger, modern: true, notify: write })
      : unsupported(knobs, message.id, asked));
  }

  async function legacy(message) {
    rules.legacyRules(message, session).forEach((text) => ledger.violation(text));
    if (message.method === 'initialize') {
      const revision = negotiate(knobs, message.params?.protocolVersion);
      if (!revision) return write(unsupported(knobs, message.id, message.params?.protocolVersion));
      session = newSession('stdio', revision);
      session.ids.add(message.id);
    } else if (message.method === 'notifications/initialized' && session) {
      session.initialized = true;
    }
    if (!rules.isRequest(message)) return undefined;
    return writeReply(message, await answer(message, { knobs, ledger, session, notify: write }));
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
    }
    if (message.method === 'notifications/cancelled') ledger.cancelled.push(message.params?.requestId);
    if (rules.isReply(message)) ledger.replies += 1;
    ledger.save();
    if (message.method === 'tools/call') {
      calls += 1;
      if (calls === knobs.die_on_call) process.exit(7);
    }
    await (rules.isModern(message) ? modern(message) : legacy(message));
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
  const lines = createInterface({ input: process.stdin });
  lines.on('line', take);
  lines.on('close', () => {
    if (knobs.ignore_eof) setInterval(() => {}, 1000);
    else process.exit(0);
  });
}
