// Questions of a legacy server: requests that it sends to the client, and the replies that come back. Pings are
// questions too.

import { Cancelled, Refused } from './errors.mjs';
import { FIRST, isObject } from './rules.mjs';
import { contentRules, resultRules } from './schemas.mjs';

// What is wrong with the result of a question.
export function answerRules(revision, method, params, answer) {
  const broken = resultRules(revision, answer, method);
  if (revision === FIRST && answer.content?.type === 'audio')
    broken.push(`the answer to ${method}: audio is of a later revision`);
  if (method === 'ping' && Object.keys(answer).length > 0) broken.push('the answer to ping is not empty');
  if (method !== 'elicitation/create') return broken;
  const isForm = params.mode !== 'url';
  if (answer.action === 'accept' && isForm) {
    if (answer.content === undefined) broken.push('a form was accepted without content');
    else broken.push(...contentRules(params.requestedSchema, answer.content));
  } else if (answer.content !== undefined) {
    broken.push(`content in an answer that ${isForm ? 'does not accept' : 'is to a question about a URL'}`);
  }
  return broken;
}

export class Questions {
  constructor(knobs, ledger) {
    this.knobs = knobs;
    this.ledger = ledger;
    this.waiting = new Map(); // id -> what is asked
    this.withdrawn = new Set(); // ids whose answers may still come
    this.last = 0;
  }

  reset() {
    for (const question of this.waiting.values()) question.drop();
  }

  // Asks over send(message) and gives the result. Throws Refused when the client refuses, Cancelled when `signal`
  // says so or the session ends. `where` is for the ledger; withdraw_after: milliseconds.
  ask({ send, session, where, method, params, signal, withdrawAfter }) {
    this.last += 1;
    const id = this.knobs.question_ids === 'integer' ? this.last : `ask-${this.last}`;
    const entry = { id, method, where, answer: 'none' };
    this.ledger.asked.push(entry);
    return new Promise((resolve, reject) => {
      const timers = [];
      const end = (settle, value) => {
        timers.forEach(clearTimeout);
        signal?.removeEventListener('abort', abort);
        this.waiting.delete(id);
        settle(value);
        this.ledger.save();
      };
      const withdraw = (reason) => {
        this.withdrawn.add(id);
        entry.answer = 'withdrawn';
        send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason } });
        end(reject, new Cancelled(reason));
      };
      const abort = () => withdraw('the call was cancelled');
      signal?.addEventListener('abort', abort);
      timers.push(
        setTimeout(() => {
          this.ledger.violation(`${method} of the server was not answered`);
          end(reject, new Refused(-32603, `${method} was not answered`));
        }, this.knobs.ask_timeout),
      );
      if (withdrawAfter !== undefined) timers.push(setTimeout(() => withdraw('not needed any more'), withdrawAfter));
      this.waiting.set(id, {
        session,
        drop: () => end(reject, new Cancelled('the session is gone')),
        take: (message) => {
          entry.answer = message.error ? { error: message.error } : { result: message.result };
          if (message.error)
            return end(reject, new Refused(message.error.code, message.error.message, message.error.data));
          if (isObject(message.result)) {
            answerRules(session.revision, method, params ?? {}, message.result).forEach((text) =>
              this.ledger.violation(text),
            );
          }
          return end(resolve, message.result);
        },
      });
      send({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
    });
  }

  // A reply of the client.
  take(message, session) {
    this.ledger.replies += 1;
    const question = this.waiting.get(message.id);
    if (question) {
      if (question.session !== session)
        this.ledger.violation('a reply came in another session than the question went out in');
      question.take(message);
    } else if (this.withdrawn.has(message.id)) {
      this.ledger.late_replies += 1;
    } else {
      this.ledger.violation(`a reply to a question that nobody asked: ${JSON.stringify(message.id)}`);
    }
    this.ledger.save();
  }

  // The session has ended; nobody can answer its questions.
  drop(session) {
    for (const question of [...this.waiting.values()]) if (question.session === session) question.drop();
  }
}
