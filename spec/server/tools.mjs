// The tools of the scripted server: a little of GitHub, and some for trying things out.

import { setTimeout as sleep } from 'node:timers/promises';

import { RpcError } from './errors.mjs';
import { form, tools as asking } from './tools_asking.mjs';
import { tools as changing } from './tools_changing.mjs';
import { tools as headerTools } from './tools_headers.mjs';

const ISSUES = 130;
const BIG_MAX = 256 * 1024 * 1024;

const text = (value) => ({ content: [{ type: 'text', text: value }] });
const json = (value) => text(JSON.stringify(value));
const object = (properties, required = []) => ({ type: 'object', properties, required });
const string = { type: 'string' };
const integer = { type: 'integer' };

export const USER = {
  login: 'souk-tester',
  id: 4242,
  node_id: 'U_souk4242',
  type: 'User',
  name: 'Souk Tester',
  public_repos: 7,
  followers: 3,
  created_at: '2024-02-29T12:00:00Z',
};

const issue = (number) => ({
  number,
  id: 1000000 + number,
  title: `Issue number ${number}`,
  state: number % 3 === 0 ? 'closed' : 'open',
  user: { login: number % 2 === 0 ? 'ann' : 'bob' },
});

function listIssues({ page = 1, perPage = 30, state = 'all' }) {
  const all = Array.from({ length: ISSUES }, (_, index) => issue(ISSUES - index));
  const wanted = all.filter((one) => state === 'all' || one.state === state);
  const size = Math.min(Math.max(perPage, 1), 100);
  return json(wanted.slice((page - 1) * size, page * size));
}

// progress(done, total): reports to the client when it asked for that.
async function slow({ ms = 0, steps = 1 }, { progress }) {
  for (let step = 1; step <= steps; step += 1) {
    await sleep(ms / steps);
    progress(step, steps);
  }
  return text(`slept ${ms} ms`);
}

// Works for ms, in steps; asks in the middle; fails as a tool ("tool") or as a request ("rpc"). For a client that
// follows tasks it becomes one.
async function work({ ms = 0, steps = 1, ask = false, fail }, context) {
  await slow({ ms, steps }, context);
  const answers = ask ? await context.askAll({ form: form(context, {}) }) : {};
  if (context.signal.aborted) return text('stopped');
  if (fail === 'rpc') throw new RpcError(1234, 'the task failed', { reason: 'it was told to' });
  if (fail === 'tool') return { ...text('the task did not work'), isError: true };
  return json({ worked: ms, ...answers });
}

// A barrier: nobody goes on before `count` calls are inside, however long they take to come. After ms it is an error.
const meetAt = (waiting) => (input, context) =>
  new Promise((resolve) => {
    const { count, ms = 30000 } = input;
    const leave = (result) => {
      clearTimeout(timer);
      waiting.delete(leave);
      resolve(result);
    };
    const giveUp = () => leave({ ...text(`${waiting.size} of ${count} calls came within ${ms} ms`), isError: true });
    const timer = setTimeout(giveUp, ms);
    context.signal.addEventListener('abort', () => leave(text('stopped')));
    waiting.add(leave);
    if (waiting.size >= count) for (const one of [...waiting]) one(text(`met ${count}`));
  });

const meet = (waiting) => ({
  name: 'meet',
  description: 'Answers when so many calls are inside at once.',
  inputSchema: object({ count: integer, ms: integer }, ['count']),
  annotations: { readOnlyHint: true },
  run: meetAt(waiting),
});

const task = {
  name: 'task',
  description: 'Works for a while.',
  inputSchema: object({
    ms: integer,
    steps: integer,
    ask: { type: 'boolean' },
    fail: { type: 'string', enum: ['tool', 'rpc'] },
  }),
  asks: true,
  run: work,
};

const list = [
  {
    name: 'get_me',
    title: 'Get my user profile',
    description: 'Details of the authenticated user.',
    inputSchema: object({ reason: string }),
    annotations: { readOnlyHint: true },
    run: () => json(USER),
  },
  {
    name: 'list_issues',
    description: 'Issues of a repository, the newest first.',
    inputSchema: object(
      {
        owner: string,
        repo: string,
        state: { type: 'string', enum: ['open', 'closed', 'all'] },
        page: { type: 'integer', minimum: 1 },
        perPage: { type: 'integer', minimum: 1, maximum: 100 },
      },
      ['owner', 'repo'],
    ),
    annotations: { readOnlyHint: true },
    run: listIssues,
  },
  {
    name: 'create_issue',
    description: 'Opens an issue.',
    inputSchema: object({ owner: string, repo: string, title: string, body: string }, ['owner', 'repo', 'title']),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
    run: ({ owner, repo, title }, { ledger }) => {
      ledger.created.push(title);
      const number = ISSUES + ledger.created.length;
      return json({ number, url: `https://github.example/${owner}/${repo}/issues/${number}` });
    },
  },
  {
    name: 'echo',
    description: 'Gives the text back.',
    inputSchema: object({ text: string }, ['text']),
    annotations: { readOnlyHint: true },
    run: (input) => text(input.text),
  },
  {
    name: 'add',
    description: 'The sum of two numbers.',
    inputSchema: object({ a: { type: 'number' }, b: { type: 'number' } }, ['a', 'b']),
    outputSchema: object({ sum: { type: 'number' } }, ['sum']),
    annotations: { readOnlyHint: true },
    run: ({ a, b }) => ({ ...json({ sum: a + b }), structuredContent: { sum: a + b } }),
  },
  {
    name: 'mirror',
    description: 'Gives its arguments back as structured content.',
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: true },
    run: (input) => ({ ...json(input), structuredContent: input }),
  },
  {
    name: 'mixed',
    description: 'A text, an image and a link (or a resource, where there were no links yet) in one answer.',
    inputSchema: object({}),
    annotations: { readOnlyHint: true },
    run: (_input, { revision }) => ({
      content: [
        { type: 'text', text: 'a picture:' },
        { type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' },
        revision >= '2025-06-18'
          ? { type: 'resource_link', uri: 'souk://notes/1', name: 'notes' }
          : { type: 'resource', resource: { uri: 'souk://notes/1', text: 'a note' } },
      ],
    }),
  },
  {
    name: 'slow',
    description: 'Waits ms milliseconds, in steps that are reported as progress.',
    inputSchema: object({ ms: integer, steps: integer }, ['ms']),
    annotations: { readOnlyHint: true },
    run: slow,
  },
  {
    name: 'big',
    description: 'A text of so many bytes.',
    inputSchema: object({ bytes: { type: 'integer', minimum: 0, maximum: BIG_MAX } }, ['bytes']),
    annotations: { readOnlyHint: true },
    run: ({ bytes }) => text('x'.repeat(Math.min(bytes, BIG_MAX))),
  },
  {
    name: 'fail',
    description: 'Reports failure, as a tool does.',
    inputSchema: object({ message: string }),
    run: ({ message = 'it did not work' }) => ({ ...text(message), isError: true }),
  },
];

// The tools that there are now: those above, always listed; further ones with the knob `all_tools`; and what a
// specification added. All of them can be called.
export class Toolbox {
  constructor(knobs) {
    this.knobs = knobs;
    this.reset();
  }

  reset() {
    this.removed = new Set();
    this.added = new Map();
    this.headerSuffixes = new Set(); // that were listed
    this.meeting = new Set(); // calls of `meet` that wait for the others
  }

  // `add`: names, or tools with a schema; `remove`: names.
  change({ add = [], remove = [] }) {
    for (const one of Object.values(add)) {
      const tool = typeof one === 'string' ? { name: one, inputSchema: object({}) } : one;
      this.added.set(tool.name, { ...tool, run: (input) => json({ tool: tool.name, input }) });
      this.removed.delete(tool.name);
    }
    for (const name of Object.values(remove)) {
      this.added.delete(name);
      this.removed.add(name);
    }
  }

  all() {
    const more = [...asking, ...changing, task, meet(this.meeting), ...headerTools(this.knobs)];
    return [...list, ...more, ...this.added.values()].filter(({ name }) => !this.removed.has(name));
  }

  find(name) {
    return this.all().find((tool) => tool.name === name);
  }

  // Input schemas that the tool `headers` was listed with; one without headers, when nobody asked for the list.
  schemasBefore() {
    if (this.headerSuffixes.size === 0) return [object({})];
    return [...this.headerSuffixes].map((header_suffix) => headerTools({ header_suffix })[0].inputSchema);
  }

  // As tools/list describes them.
  listed() {
    if (this.knobs.all_tools) this.headerSuffixes.add(this.knobs.header_suffix);
    const shown = this.knobs.all_tools
      ? this.all()
      : this.all().filter(
          (tool) => list.includes(tool) || this.added.has(tool.name) || tool.name.startsWith('bad_header_'),
        );
    return shown.map(({ run, asks, ...rest }) => rest);
  }
}

// The first thing that is wrong with the arguments, or undefined. Servers check; this one checks a little.
function complaint(schema, input) {
  for (const name of schema.required ?? []) {
    if (!(name in input)) return `'${name}' is missing`;
  }
  for (const [name, rule] of Object.entries(schema.properties ?? {})) {
    if (name in input && rule.type === 'string' && typeof input[name] !== 'string')
      return `'${name}' is not a string`;
    if (name in input && rule.type === 'integer' && !Number.isInteger(input[name]))
      return `'${name}' is not an integer`;
    if (name in input && rule.type === 'number' && typeof input[name] !== 'number')
      return `'${name}' is not a number`;
  }
  return undefined;
}

// Runs a tool. Arguments that do not fit are a failure of the tool, as in most servers.
export async function runTool(tool, input, context) {
  const { name } = tool;
  const wrong = complaint(tool.inputSchema, input);
  if (wrong) return { ...text(`invalid arguments for ${name}: ${wrong}`), isError: true };
  const { ledger } = context;
  ledger.count('tools', name);
  const label = input.title ?? input.reason;
  if (label !== undefined) ledger.count('executed', label);
  ledger.in_flight += 1;
  ledger.max_in_flight = Math.max(ledger.max_in_flight, ledger.in_flight);
  ledger.save();
  try {
    return await tool.run(input, context);
  } finally {
    ledger.in_flight -= 1;
    ledger.save();
  }
}
