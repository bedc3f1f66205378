// Questions of a modern server: a result that requires input, and the same request again with the answers. What was
// answered in earlier rounds is kept here, under the requestState that the client has to hand back.

import { isDeepStrictEqual } from 'node:util';

import { RpcError } from './errors.mjs';
import { answerRules } from './questions.mjs';

// The methods that may ask.
export const MAY_ASK = ['tools/call', 'prompts/get', 'resources/read'];

// Thrown where an answer is missing. `requests`: name -> { method, params }; none: the client shall just come again.
export class Wanted extends Error {
  constructor(requests) {
    super('input is required');
    this.requests = requests;
  }
}

// What the original request was, without what changes from round to round.
function original({ method, params }) {
  const { _meta, inputResponses, requestState, ...rest } = params;
  return { method, params: rest };
}

// requestState is a string that only the server understands: clients hand it back byte by byte.
const styles = {
  plain: (number) => `state-${number}`,
  weird: (number) => `{"n":1.0,"é":"\\u00e9","path":"a/b\\\\c"} \t\n"😀\u2028\u0001 ${number}`,
  number: (number) => `0001234567890123456789.${number}`,
  long: (number) => `${'x'.repeat(100000)}${number}`,
  empty: () => '',
  none: () => undefined,
};

export class Rounds {
  constructor(knobs, ledger) {
    this.knobs = knobs;
    this.ledger = ledger;
    this.reset();
  }

  reset() {
    this.last = 0;
    this.byState = new Map();
    this.byKey = new Map(); // for results without a state
  }

  // The conversation that this request goes on with, or a new one.
  resume(message) {
    const { requestState, inputResponses } = message.params ?? {};
    if (requestState === undefined && inputResponses === undefined) return { answers: {}, rounds: 0 };
    this.ledger.rounds += 1;
    if (requestState !== undefined) this.ledger.states.push(requestState);
    const round = this.byState.get(requestState) ?? this.byKey.get(Object.keys(inputResponses ?? {})[0]);
    if (!round) {
      this.ledger.violation(`${message.method}: requestState or inputResponses that this server did not ask for`);
      throw new RpcError(-32602, 'unknown requestState');
    }
    this.check(round, message);
    const answers = { ...round.answers };
    for (const [key, { name }] of Object.entries(round.keys)) {
      if (inputResponses?.[key] !== undefined) answers[name] = inputResponses[key];
    }
    return { answers, rounds: round.rounds + 1 };
  }

  check(round, message) {
    const say = (text) => this.ledger.violation(`${message.method}: ${text}`);
    const { requestState, inputResponses = {}, _meta } = message.params;
    if (requestState !== round.state) {
      say(
        round.state === undefined
          ? 'a requestState although none was given'
          : 'requestState is not the one that was given',
      );
    }
    if (!isDeepStrictEqual(original(message), round.original))
      say('the retry is not the request that was asked about');
    if (message.id === round.id) say('the retry has the id of the request before it');
    if (_meta.progressToken !== undefined && _meta.progressToken === round.token)
      say('the retry has the progress token of before');
    for (const [key, answer] of Object.entries(inputResponses)) {
      const asked = round.keys[key];
      if (!asked) say(`inputResponses has a key that was not asked: ${key}`);
      else {
        this.ledger.asked.push({ id: key, method: asked.method, where: 'result', answer: { result: answer } });
        answerRules('2026-07-28', asked.method, asked.params ?? {}, answer).forEach(say);
      }
    }
    for (const key of Object.keys(round.keys)) if (!(key in inputResponses)) say(`inputResponses lacks ${key}`);
  }

  // The result that asks, and what is kept for the round after it.
  ask(message, talk, requests) {
    this.last += 1;
    const isBare = Object.keys(requests).length === 0; // then a state is all that there is
    const style = isBare && ['none', 'empty'].includes(this.knobs.state) ? 'plain' : this.knobs.state;
    const state = styles[style](this.last);
    const keys = {};
    const inputRequests = {};
    for (const [name, request] of Object.entries(requests)) {
      const key = this.knobs.state === 'weird' ? `${name}/"ü" ${this.last}` : `${name}.${this.last}`;
      keys[key] = { ...request, name };
      inputRequests[key] = request;
    }
    const round = {
      id: message.id,
      token: message.params._meta.progressToken,
      original: original(message),
      answers: talk.answers,
      rounds: talk.rounds,
      state,
      keys,
    };
    if (state) this.byState.set(state, round);
    for (const key of Object.keys(keys)) this.byKey.set(key, round);
    return {
      resultType: 'input_required',
      ...(Object.keys(inputRequests).length > 0 ? { inputRequests } : {}),
      ...(state === undefined ? {} : { requestState: state }),
    };
  }
}
