// MCP above the transport: what a request is answered with. HTTP and stdio share it.

import { followsTasks, missingAbility, tasksCapability } from './abilities.mjs';
import { Cancelled, Refused, RpcError, failure, notification, result } from './errors.mjs';
import { LEGACY, MODERN, offeredLegacy, offersModern } from './knobs.mjs';
import { pageOf } from './paging.mjs';
import { MAY_ASK, Wanted } from './rounds.mjs';
import { meta } from './rules.mjs';
import { schemaRules } from './schemas.mjs';
import { runTool } from './tools.mjs';

const SERVER_INFO = { name: 'souk-scripted', title: 'Scripted', version: '1.0.0' };
const INSTRUCTIONS = 'A server for specifications.';
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

function capabilities(revision) {
  const lists = { listChanged: true };
  return {
    tools: lists,
    prompts: lists,
    resources: { subscribe: true, listChanged: true },
    logging: {},
    ...(revision >= '2025-03-26' ? { completions: {} } : {}),
    ...(revision >= MODERN ? tasksCapability() : {}),
  };
}

// A legacy session. `channel`: the way to the client that is not the answer to a request, while there is one.
export const newSession = (id, revision, initialize) => ({
  id,
  revision,
  capabilities: initialize?.params?.capabilities ?? {},
  initialized: false,
  calls: 0,
  ids: new Set(),
  tokens: new Set(),
  subscriptions: new Set(),
  visits: new Map(),
  level: undefined,
  channel: undefined,
});

// The revision of a new session, or undefined when this server has no legacy revision.
export function negotiate(knobs, asked) {
  if (knobs.answer_revision) return knobs.answer_revision;
  const offered = offeredLegacy(knobs);
  return offered.includes(asked) ? asked : offered[0];
}

export const unsupported = (knobs, id, requested) =>
  failure(id, -32022, 'Unsupported protocol version', { supported: knobs.revisions, requested });

const initializeResult = (revision) => ({
  protocolVersion: revision,
  capabilities: capabilities(revision),
  serverInfo: revision >= '2025-06-18' ? SERVER_INFO : { name: SERVER_INFO.name, version: SERVER_INFO.version },
  instructions: INSTRUCTIONS,
});

const discoverResult = (knobs) => ({
  supportedVersions: [...knobs.revisions].sort().reverse(),
  capabilities: capabilities(MODERN),
  instructions: INSTRUCTIONS,
  ttlMs: 60000,
  cacheScope: 'public',
});

// Modern results say what they are, and from whom.
const modernResult = (value) => ({
  resultType: 'complete',
  ...value,
  _meta: { ...value._meta, 'io.modelcontextprotocol/serverInfo': SERVER_INFO },
});

// The parts of the context that the answer to one request needs; `base` comes from the transport: { world, knobs,
// ledger, modern, session, notify(message), signal, channel() }.
function contextOf(message, base) {
  const { world, modern, session } = base;
  const context = { hangUp: () => {}, ...base, message };
  context.revision = modern ? MODERN : session.revision;
  context.capabilities = modern ? (meta(message, 'clientCapabilities') ?? {}) : session.capabilities;
  const token = message.params?._meta?.progressToken;
  context.progress = (done, total) => {
    if (token === undefined) return;
    const params = { progressToken: token, progress: done, total };
    if (context.revision >= '2025-03-26') params.message = `step ${done} of ${total}`;
    context.notify(notification('notifications/progress', params));
  };
  // Whether the client wants it: by logging/setLevel, or by the level in its request.
  context.log = (level, logger, data) => {
    const wanted = modern ? meta(message, 'logLevel') : session.level;
    if (wanted === undefined || LEVELS.indexOf(level) < LEVELS.indexOf(wanted)) return false;
    context.notify(notification('notifications/message', { level, logger, data }));
    return true;
  };
  context.tell = (method, params) => context.notify(notification(method, params));
  context.askAll = modern ? modernAsk(context) : legacyAsk(context, world);
  return context;
}

function requireAbility(context, { method, params }) {
  const missing = missingAbility(context.capabilities, method, params);
  if (!missing || context.knobs.ask_anyway) return;
  if (context.modern)
    throw new RpcError(-32021, 'Missing required client capability', { requiredCapabilities: missing });
  throw new Refused(-32603, `the client has no ability for ${method}: ${JSON.stringify(missing)}`);
}

function legacyAsk(context, world) {
  return async (requests, { withdrawAfter, signal = context.signal } = {}) => {
    Object.values(requests).forEach((request) => requireAbility(context, request));
    const { send, where } = await context.channel();
    const answers = await Promise.all(
      Object.entries(requests).map(async ([name, { method, params }]) => [
        name,
        await world.questions.ask({
          send,
          where,
          session: context.session,
          method,
          params,
          signal,
          withdrawAfter,
        }),
      ]),
    );
    return Object.fromEntries(answers);
  };
}

function modernAsk(context) {
  return async (requests) => {
    Object.values(requests).forEach((request) => requireAbility(context, request));
    const { answers } = context.talk;
    const open = Object.entries(requests).filter(([name]) => !(name in answers));
    if (open.length > 0) throw new Wanted(Object.fromEntries(open));
    return Object.fromEntries(Object.keys(requests).map((name) => [name, answers[name]]));
  };
}

async function callTool(message, context) {
  const { name, arguments: input = {} } = message.params ?? {};
  const { world } = context;
  const tool = world.tools.find(name);
  if (!tool) throw new RpcError(-32602, `Unknown tool: ${name}`);
  if (context.modern && world.tasks.becomesTask(name) && followsTasks(context.capabilities)) {
    return world.tasks.start(name, context, (inner) => runTool(tool, input, inner));
  }
  return runTool(tool, input, context);
}

function setLevel({ level }, { session, ledger }) {
  if (!LEVELS.includes(level)) throw new RpcError(-32602, `there is no level ${level}`);
  session.level = level;
  ledger.log_levels.push(level);
  return {};
}

function subscribe({ uri }, { session, ledger }, on) {
  if (on) session.subscriptions.add(uri);
  else session.subscriptions.delete(uri);
  ledger.subscriptions.push({ uri, on });
  return {};
}

const page =
  (list, key) =>
  (message, { knobs }) =>
    pageOf(list, key, knobs, message.params?.cursor ?? undefined);

// What both eras have.
const common = {
  'tools/list': (message, context) => page(context.world.tools.listed(), 'tools')(message, context),
  'tools/call': callTool,
  'resources/list': (message, context) => page(context.world.catalogue.resources(), 'resources')(message, context),
  'resources/templates/list': (message, context) =>
    page(context.world.catalogue.templates(), 'resourceTemplates')(message, context),
  'resources/read': ({ params }, context) => context.world.catalogue.read(params.uri, context),
  'prompts/list': (message, context) => page(context.world.catalogue.prompts(), 'prompts')(message, context),
  'prompts/get': ({ params }, context) => context.world.catalogue.prompt(params, context),
  'completion/complete': ({ params }, { world }) => world.catalogue.complete(params),
};

const legacyOnly = {
  initialize: (_message, { session }) => initializeResult(session.revision),
  ping: () => ({}),
  'logging/setLevel': ({ params }, context) => setLevel(params, context),
  'resources/subscribe': ({ params }, context) => subscribe(params, context, true),
  'resources/unsubscribe': ({ params }, context) => subscribe(params, context, false),
};

const modernOnly = {
  'server/discover': (_message, { knobs }) => discoverResult(knobs),
  'subscriptions/listen': (message, context) => context.world.listeners.listen(message, context),
  'tasks/get': (message, { world }) => world.tasks.get(message),
  'tasks/update': (message, { world }) => world.tasks.update(message),
  'tasks/cancel': (message, { world }) => world.tasks.cancel(message),
};

const CACHEABLE = ['tools/list', 'resources/list', 'resources/templates/list', 'resources/read', 'prompts/list'];

async function answerModern(message, context) {
  const run = common[message.method] ?? modernOnly[message.method];
  if (!run) throw new RpcError(-32601, `Method not found: ${message.method}`);
  if (message.method.startsWith('tasks/') && !followsTasks(context.capabilities)) {
    throw new RpcError(-32021, 'Missing required client capability', { requiredCapabilities: tasksCapability() });
  }
  context.talk = MAY_ASK.includes(message.method) ? context.world.rounds.resume(message) : undefined;
  let value;
  try {
    value = await run(message, context);
  } catch (error) {
    if (!(error instanceof Wanted)) throw error;
    return modernResult(context.world.rounds.ask(message, context.talk, error.requests));
  }
  const { knobs } = context;
  const cached = CACHEABLE.includes(message.method) ? { ttlMs: knobs.ttl, cacheScope: knobs.cache_scope } : {};
  return modernResult({ ...value, ...cached });
}

async function answerLegacy(message, context) {
  const run = common[message.method] ?? legacyOnly[message.method];
  if (!run) throw new RpcError(-32601, `Method not found: ${message.method}`);
  return run(message, context);
}

// Answers a request; `base`: see contextOf. Undefined: the request was cancelled and nobody waits.
export async function answer(message, base) {
  const context = contextOf(message, base);
  let reply;
  try {
    reply = result(message.id, await (context.modern ? answerModern : answerLegacy)(message, context));
  } catch (error) {
    if (error instanceof Cancelled) return undefined;
    if (!(error instanceof RpcError)) throw error;
    const isOfTool = error instanceof Refused && message.method === 'tools/call';
    const text = `${error.code}: ${error.message}`;
    reply = isOfTool
      ? result(message.id, { content: [{ type: 'text', text }], isError: true })
      : failure(message.id, error.code, error.message, error.data);
  }
  if (message.method !== 'tools/call' || message.params.name !== 'odd_result') {
    schemaRules(context.revision, reply, message.method).forEach((text) => context.ledger.mistakes.push(text));
  }
  return reply;
}

// What a server of the field without 2026-07-28 says to a modern request, by the knobs `discover` and
// `discover_stdio`: { status, body } with a text or a message as the body, or undefined for silence.
export function refuseModern(style, id) {
  const plain = { 400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 500: 'Internal Server Error' };
  if (style in plain) return { status: Number(style), body: plain[style] };
  switch (style) {
    case '400-rpc':
      return { status: 400, body: failure(null, -32000, 'Bad Request: Server not initialized') };
    case '404-rpc':
      return { status: 404, body: failure(id, -32601, 'Method not found') };
    case '200-32601':
    case '-32601':
      return { status: 200, body: failure(id, -32601, 'Method not found') };
    case '200-32602':
    case '-32602':
      return { status: 200, body: failure(id, -32602, 'Invalid request parameters') };
    case 'hang':
    case 'silent':
      return undefined;
    default:
      throw new Error(`there is no way to refuse called '${style}'`);
  }
}

export { MODERN, LEGACY, offersModern, result, failure };
