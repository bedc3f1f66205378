// The stdio server of the soak, of one era: node stdio.mjs RECORD legacy|modern. It dies when a call says so.

import { createInterface } from 'node:readline';

import { Record, executed, failure, reply, resultOf } from './tool.mjs';

const record = new Record(process.argv[2]);
const isModern = process.argv[3] === 'modern';
const write = (text) => process.stdout.write(`${text}\n`);
const die = () => process.kill(process.pid, 'SIGKILL');

function callTool({ id, params }) {
  const call = params.arguments;
  if (call.fault === 'die_before') return die();
  if (call.fault === 'rpc_error') return write(failure(id, -32000, 'not today'));
  if (call.fault === 'slow') return undefined; // it is never answered
  const body = reply(id, executed(call, undefined, record, isModern));
  if (call.fault === 'die_after') return die();
  if (call.fault === 'garbage') write('this line is no JSON');
  if (call.fault === 'late') return setTimeout(write, call.ms, body);
  return write(body);
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line);
  if (message.id === undefined) return;
  if (message.method === 'tools/call') return void callTool(message);
  const result = resultOf(message.method, isModern);
  write(result ? reply(message.id, result) : failure(message.id, -32601, 'Method not found'));
});
process.stdin.on('end', () => process.exit(0));
