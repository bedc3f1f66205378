// The tools of the scripted server: a little of GitHub, and some for trying things out.

import { setTimeout as sleep } from 'node:timers/promises';

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
    description: 'A text, an image and a link in one answer.',
    inputSchema: object({}),
    annotations: { readOnlyHint: true },
    run: () => ({
      content: [
        { type: 'text', text: 'a picture:' },
        { type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' },
        { type: 'resource_link', uri: 'souk://notes/1', name: 'notes' },
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

const byName = new Map(list.map((tool) => [tool.name, tool]));

// tools/list: one page from `cursor` on. The cursor is the index of its first tool, "" stands for the second page
// when `empty_cursor` is on. Throws RangeError when it is none of ours.
export function page(knobs, cursor) {
  const described = list.map(({ run, ...rest }) => rest);
  const size = knobs.page > 0 ? knobs.page : described.length;
  let start = 0;
  if (cursor === '') start = size;
  else if (cursor !== undefined) start = Number(cursor);
  if (!Number.isInteger(start) || start < 0 || start > described.length || (cursor === '' && !knobs.empty_cursor)) {
    throw new RangeError('there is no such cursor');
  }
  const result = { tools: described.slice(start, start + size) };
  const next = start + size;
  if (next < described.length) result.nextCursor = knobs.empty_cursor && start === 0 ? '' : String(next);
  if (knobs.repeat_cursor) result.nextCursor = String(Math.min(size, described.length));
  return result;
}

export const hasTool = (name) => byName.has(name);

// The first thing that is wrong with the arguments, or undefined. Servers check; this one checks a little.
function complaint(schema, input) {
  for (const name of schema.required ?? []) {
    if (!(name in input)) return `'${name}' is missing`;
  }
  for (const [name, rule] of Object.entries(schema.properties ?? {})) {
    if (name in input && rule.type === 'string' && typeof input[name] !== 'string') return `'${name}' is not a string`;
    if (name in input && rule.type === 'integer' && !Number.isInteger(input[name])) return `'${name}' is not an integer`;
    if (name in input && rule.type === 'number' && typeof input[name] !== 'number') return `'${name}' is not a number`;
  }
  return undefined;
}

// Runs a tool that exists. Arguments that do not fit are a failure of the tool, as in most servers.
export async function runTool(name, input, context) {
  const tool = byName.get(name);
  const wrong = complaint(tool.inputSchema, input);
  if (wrong) return { ...text(`invalid arguments for ${name}: ${wrong}`), isError: true };
  const { ledger } = context;
  ledger.count('tools', name);
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
