// Tools that ask the client before they answer. They are written once: context.askAll({ name: { method, params } })
// gives the answers, by requests of a legacy server and by results that require input of a modern one.

import { Cancelled, RpcError } from './errors.mjs';
import { Wanted } from './rounds.mjs';

const text = (value) => ({ content: [{ type: 'text', text: value }] });
const json = (value) => text(JSON.stringify(value));
const object = (properties, required = []) => ({ type: 'object', properties, required });
const string = { type: 'string' };
const integer = { type: 'integer' };

// A form with a default in every field (SEP-1034), in the words of the revision.
function fields(revision) {
  const properties = {
    name: { type: 'string', title: 'Name', default: 'Ann', minLength: 1 },
    age: { type: 'integer', default: 30, minimum: 0 },
    score: { type: 'number', default: 95.5 },
    verified: { type: 'boolean', default: true },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  };
  if (revision >= '2025-11-25') {
    properties.tags = {
      type: 'array',
      items: { type: 'string', enum: ['red', 'green', 'blue'] },
      default: ['red', 'blue'],
    };
  }
  return { type: 'object', properties, required: Object.keys(properties) };
}

export function form(context, { message = 'Who are you?', schema }) {
  const params = { message, requestedSchema: schema ?? fields(context.revision) };
  if (context.revision >= '2025-11-25') params.mode = 'form';
  return { method: 'elicitation/create', params };
}

let lastElicitation = 0;

function url(context, { url: where = 'https://souk.example/sign-in?a=1', message = 'Please sign in.' }) {
  const params = { mode: 'url', message, url: where };
  if (!context.modern) {
    lastElicitation += 1;
    params.elicitationId = `elicitation-${lastElicitation}`;
  }
  return { method: 'elicitation/create', params };
}

const sample = ({ prompt = 'What is the capital of France?', maxTokens = 100 }) => ({
  method: 'sampling/createMessage',
  params: {
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    systemPrompt: 'You are a test.',
    modelPreferences: { hints: [{ name: 'small' }], speedPriority: 0.9 },
    maxTokens,
  },
});

const roots = () => ({ method: 'roots/list' });

// `rounds` one after the other, each with so many questions at once.
async function askForm(input, context) {
  const { rounds = 1, together = 1 } = input;
  const answers = [];
  for (let round = 1; round <= rounds; round += 1) {
    const requests = {};
    for (let number = 1; number <= together; number += 1) requests[`form-${round}-${number}`] = form(context, input);
    answers.push(...Object.values(await context.askAll(requests)));
  }
  return json(answers.length === 1 ? answers[0] : answers);
}

async function askUrl(input, context) {
  if (context.revision < '2025-11-25') return { ...text('this revision has no URLs to visit'), isError: true };
  const request = url(context, input);
  const { visit } = await context.askAll({ visit: request });
  const { elicitationId } = request.params;
  if (elicitationId && visit.action === 'accept')
    context.tell('notifications/elicitation/complete', { elicitationId });
  return json(visit);
}

async function askAll(input, context) {
  const requests = { sample: sample(input), roots: roots() };
  if (context.revision >= '2025-06-18') requests.form = form(context, input);
  return json(await context.askAll(requests));
}

// The question is taken back by `withdraw`, or after ms, and the tool answers without it.
async function askCancelled({ ms }, context) {
  if (context.modern) return text('a modern server cannot take a question back');
  const { unwanted } = context.world;
  const stop = new AbortController();
  const abort = () => stop.abort();
  context.signal.addEventListener('abort', abort);
  unwanted.add(stop);
  try {
    await context.askAll({ form: form(context, {}) }, { withdrawAfter: ms, signal: stop.signal });
  } catch (error) {
    if (error instanceof Cancelled) return text('withdrawn');
    throw error;
  } finally {
    context.signal.removeEventListener('abort', abort);
    unwanted.delete(stop);
  }
  return text('answered');
}

function withdraw(_input, { world }) {
  const count = world.unwanted.size;
  for (const stop of world.unwanted) stop.abort();
  return text(`withdrew ${count}`);
}

// 2025-11-25: -32042 until the URL was visited, which happens by itself after ms. Modern: asks for the visit.
async function needUrl(input, context) {
  if (context.modern) return askUrl(input, context);
  const { visits } = context.session;
  const { method, params } = url(context, input);
  let visit = visits.get('need_url');
  if (!visit) {
    visit = { params, at: Date.now() + (input.ms ?? 0) };
    visits.set('need_url', visit);
    const { elicitationId } = params;
    setTimeout(() => context.world.tell('notifications/elicitation/complete', { elicitationId }), input.ms ?? 0);
  } else if (Date.now() >= visit.at) {
    return text('welcome');
  }
  throw new RpcError(-32042, `${method} is needed`, { elicitations: [visit.params] });
}

// Only a requestState, so many times: the client shall come again without any answer.
function stateOnly({ rounds = 1 }, context) {
  if (context.modern && context.talk.rounds < rounds) throw new Wanted({});
  return text(`came again ${context.talk?.rounds ?? 0} times`);
}

// Results that a client must not take for good ones.
const odd = {
  neither: () => ({ resultType: 'input_required' }),
  unknown: () => ({ resultType: 'sparkles', ...text('sparkling') }),
  no_type: () => ({ resultType: undefined, ...text('of an older revision') }),
  undeclared: () => ({ resultType: 'input_required', inputRequests: { a: { method: 'tools/list', params: {} } } }),
  malformed: () => ({ resultType: 'input_required', inputRequests: ['not', 'an', 'object'] }),
  task: () => ({ resultType: 'task', taskId: 7, status: 'dreaming' }),
  forever: (context) => {
    throw new Wanted({ again: form(context, {}) });
  },
  forever_state: () => {
    throw new Wanted({});
  },
};

const asks = (name, description, properties, run) => ({
  name,
  description,
  inputSchema: object(properties),
  annotations: { readOnlyHint: true },
  asks: true,
  run,
});

export const tools = [
  asks(
    'ask_form',
    'Asks with a form.',
    { message: string, schema: { type: 'object' }, rounds: integer, together: integer },
    askForm,
  ),
  asks('ask_url', 'Asks to visit a URL.', { message: string, url: string }, askUrl),
  asks('ask_sample', 'Asks a language model.', { prompt: string, maxTokens: integer }, async (input, context) =>
    json((await context.askAll({ sample: sample(input) })).sample),
  ),
  asks('ask_roots', 'Asks for folders.', {}, async (_input, context) =>
    json((await context.askAll({ roots: roots() })).roots),
  ),
  asks('ask_all', 'Asks everything at once.', { message: string, prompt: string }, askAll),
  asks('ask_cancelled', 'Takes its question back.', { ms: integer }, askCancelled),
  asks('withdraw', 'Makes ask_cancelled take its question back.', {}, withdraw),
  asks('need_url', 'Wants a URL to be visited first.', { ms: integer, url: string }, needUrl),
  asks('state_only', 'Wants to be called again.', { rounds: integer }, stateOnly),
  asks(
    'odd_result',
    'Gives a result that is none.',
    { kind: { type: 'string', enum: Object.keys(odd) } },
    ({ kind }, context) => odd[kind](context),
  ),
];
