// What the server was asked and what it did: specifications read it back and count.

import { writeFileSync } from 'node:fs';

const LOG_MAX = 2000;

export class Ledger {
  constructor(file) {
    this.file = file; // also written here after every change, for servers that have no control port
    this.reset();
  }

  reset() {
    this.http = {}; // requests by HTTP method
    this.methods = {}; // JSON-RPC requests and notifications by method
    this.tools = {}; // tools that were executed, by name
    this.replies = 0; // JSON-RPC responses from the client
    this.connections = 0; // accepted
    this.aborted = 0; // requests that the client gave up before they were answered
    this.in_flight = 0; // tools/call being executed now
    this.max_in_flight = 0;
    this.sessions = { issued: [], deleted: [], dropped: [] };
    this.cancelled = []; // request ids named by notifications/cancelled
    this.created = []; // titles of created issues
    this.violations = []; // rules of the revision that the client broke
    this.log = []; // one entry a request: see `request`
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

  toJSON() {
    const { file, ...rest } = this;
    return rest;
  }

  save() {
    if (this.file) writeFileSync(this.file, JSON.stringify(this));
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
