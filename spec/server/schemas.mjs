// Whether a message fits the published JSON schema of its revision. Without the schemas (a demo on a machine that has no
// test peers) nothing is checked, and the ledger says so.

import { available, checkFor, checksOf, revisions } from './published.mjs';

const said = (errors) =>
  errors
    .slice(0, 4)
    .map((one) => `${one.instancePath || 'it'} ${one.message}`)
    .join('; ');

class Revision {
  constructor(revision) {
    this.checks = checksOf(revision);
    this.byMethod = new Map(this.checks.methods);
  }

  // What is wrong with the value as such a definition: a text, or undefined.
  complaint(name, value) {
    const check = this.checks[name];
    return check(value) ? undefined : `no ${name}: ${said(check.errors)}`;
  }

  // The definition of results of a method, if there is one.
  resultOf(method) {
    const name = this.byMethod.get(method)?.replace(/Request$/, 'Result');
    return name in this.checks ? name : undefined;
  }

  replyComplaint(message, method) {
    if (message.error)
      return this.complaint(
        'JSONRPCErrorResponse' in this.checks ? 'JSONRPCErrorResponse' : 'JSONRPCError',
        message,
      );
    const kind = message.result?.resultType === 'input_required' ? 'InputRequiredResult' : this.resultOf(method);
    const isOther =
      message.result?.resultType !== undefined && !['complete', 'input_required'].includes(message.result.resultType);
    return (
      this.complaint(
        'JSONRPCResultResponse' in this.checks ? 'JSONRPCResultResponse' : 'JSONRPCResponse',
        message,
      ) ?? (kind && !isOther ? this.complaint(kind, message.result) : undefined)
    );
  }

  messageComplaint(message, method) {
    if (message.method === undefined) return this.replyComplaint(message, method);
    const plain = 'id' in message ? 'JSONRPCRequest' : 'JSONRPCNotification';
    return this.complaint(this.byMethod.get(message.method) ?? plain, message);
  }
}

const known = new Map();

// 2024-11-05 has no published schema there; the one after it takes what it takes.
function schemasOf(revision) {
  if (!available()) return undefined;
  const name = revisions.includes(revision) ? revision : revision < '2025' ? '2025-03-26' : '2025-11-25';
  if (!known.has(name)) known.set(name, new Revision(name));
  return known.get(name);
}

// Loads what takes a while, so that the first message does not wait for it.
export const warm = () => void schemasOf('2025-11-25')?.messageComplaint({ jsonrpc: '2.0', id: 1, method: 'ping' });

// What is wrong with a message of this revision, as a list of texts. `method`: of the request, when it is a reply.
export function schemaRules(revision, message, method) {
  const text = schemasOf(revision)?.messageComplaint(message, method);
  const name = message.method ?? (method ? `a reply to ${method}` : 'a reply');
  return text ? [`${name}: ${text}`] : [];
}

// The same for the result of a question (elicitation/create, ...).
export function resultRules(revision, result, method) {
  const rules = schemasOf(revision);
  const name = rules?.resultOf(method);
  const text = name && rules.complaint(name, result);
  return text ? [`the answer to ${method}: ${text}`] : [];
}

// Content of a form against the schema that it was asked for with.
export function contentRules(schema, content) {
  const check = available() && checkFor(schema);
  return check && !check(content) ? [`the content of a form does not fit: ${said(check.errors)}`] : [];
}
