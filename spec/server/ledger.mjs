// What the server was asked and what it did: specifications read it back and count.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { available } from './published.mjs';

const LOG_MAX = 2000;

export class Ledger {
  // keep: goes on with what is in the file, which a process wrote that has ended.
  constructor(file, keep) {
    this.file = file; // also written here after every change, for servers that have no control port
    const before = keep && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    this.reset(before);
  }

  reset(before = {}) {
    this.http = {}; // requests by HTTP method
    this.methods = {}; // JSON-RPC requests and notifications by method
    this.tools = {}; // tools that were executed, by name
    this.executed = {}; // how often, by the argument `title` or `reason` of the call
    this.replies = 0; // JSON-RPC responses from the client
    this.connections = 0; // accepted
    this.aborted = 0; // requests that the client gave up before they were answered
    this.in_flight = 0; // tools/call being executed now
    this.max_in_flight = 0;
    this.sessions = { issued: [], deleted: [], dropped: [] };
    this.cancelled = []; // request ids named by notifications/cancelled
    this.created = []; // titles of created issues
    this.asked = []; // questions to the client: { id, method, where, answer: { result } or { error } or a word }
    this.late_replies = 0; // answers to questions that had been taken back
    this.rounds = 0; // modern requests that brought answers or a requestState
    this.states = []; // the values of requestState that came back
    this.polls = []; // streams that a client came back to: { stream, last, waited, retry }, in milliseconds
    this.listens = []; // subscriptions/listen: { id, notifications, state: open, closed (client), ended (server) }
    this.streams = []; // GET streams: { session, state }
    this.told = 0; // notifications to listeners, each counted once
    this.subscriptions = []; // resources/subscribe and unsubscribe: { uri, on }
    this.log_levels = []; // by logging/setLevel
    this.traces = []; // { method, traceparent, tracestate, baggage } of requests that have one of them
    this.tokens = []; // progress tokens
    this.tasks = {}; // id -> { tool, statuses, polls, updates, cancels }
    this.mismatches = []; // calls whose Mcp-Param headers did not fit the tool as it is now
    this.mistakes = []; // answers of this server that do not fit the published schema; none is meant
    this.schemas = available() ? 'checked' : 'missing'; // whether messages are checked against the published schemas
    this.violations = []; // rules of the revision that the client broke
    this.redirected = []; // requests that were answered with a redirect: { http, path, headers }
    this.log = []; // one entry a request: see `request`
    this.struck = []; // numbers of the faults that a child has met
    Object.assign(this, before);
    this.save();
  }

  count(table, key) {
    this[table][key] = (this[table][key] ?? 0) + 1;
  }

  violation(text) {
    this.violations.push(text);
    this.save();
  }

  // Headers are logged, credentials are not: Authorization becomes "ok", "wrong" or "present".
  request(entry) {
    if (this.log.length < LOG_MAX) this.log.push(entry);
    this.save();
  }

  // What a message tells beside what it asks for.
  look(message) {
    const meta = message.params?._meta ?? {};
    const { traceparent, tracestate, baggage, progressToken } = meta;
    if (traceparent ?? tracestate ?? baggage)
      this.traces.push({ method: message.method, traceparent, tracestate, baggage });
    if (progressToken !== undefined && 'id' in message) this.tokens.push(progressToken);
  }

  toJSON() {
    const { file, ...rest } = this;
    return rest;
  }

  save() {
    if (!this.file) return;
    writeFileSync(`${this.file}.new`, JSON.stringify(this)); // nobody reads half a ledger
    renameSync(`${this.file}.new`, this.file);
  }
}

export function headersForLog(headers, token) {
  const shown = { ...headers };
  if ('authorization' in shown) {
    if (!token) shown.authorization = 'present';
    else shown.authorization = headers.authorization === `Bearer ${token}` ? 'ok' : 'wrong';
  }
  return shown;
}
