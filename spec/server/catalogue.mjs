// Resources, prompts and completion.

import { RpcError } from './errors.mjs';
import { form } from './tools_asking.mjs';

const NOTES = 5;
const STYLES = ['brief', 'bold', 'baroque', 'plain'];
const USERS = ['ann', 'anton', 'bob'];

const noteUri = (number) => `souk://notes/${number}`;

const resources = [
  ...Array.from({ length: NOTES }, (_, index) => ({
    uri: noteUri(index + 1),
    name: `note-${index + 1}`,
    title: `Note ${index + 1}`,
    mimeType: 'text/plain',
  })),
  { uri: 'souk://binary', name: 'binary', description: 'Four bytes.', mimeType: 'application/octet-stream' },
  { uri: 'souk://ask', name: 'ask', description: 'Wants to know who reads it.' },
];

const templates = [
  {
    uriTemplate: 'souk://users/{name}',
    name: 'user',
    description: 'What is known of a user.',
    mimeType: 'application/json',
  },
  { uriTemplate: 'souk://days/{year}/{month}', name: 'days', mimeType: 'text/plain' },
];

const prompts = [
  {
    name: 'greet',
    title: 'A greeting',
    description: 'Greets somebody.',
    arguments: [{ name: 'name', description: 'Who is greeted.', required: true }],
  },
  {
    name: 'review',
    description: 'Asks for a review in a style.',
    arguments: [
      { name: 'code', required: true },
      { name: 'style', required: false },
    ],
  },
  { name: 'ask', description: 'Wants to know who asks for it.' },
];

const said = (text) => ({ role: 'user', content: { type: 'text', text } });

async function greet({ name }) {
  if (typeof name !== 'string') throw new RpcError(-32602, "the argument 'name' is missing");
  return { description: 'A greeting', messages: [said(`Greet ${name}.`), { ...said('Hello!'), role: 'assistant' }] };
}

const writers = {
  greet,
  review: ({ code = '', style = 'plain' }) => ({ messages: [said(`Review this ${style}ly: ${code}`)] }),
  ask: async (_input, context) => {
    const { who } = await context.askAll({ who: form(context, { message: 'Who asks for a prompt?' }) });
    return { messages: [said(JSON.stringify(who))] };
  },
};

export class Catalogue {
  constructor(knobs) {
    this.knobs = knobs;
    this.reset();
  }

  reset() {
    this.versions = new Map(); // uri -> how often it was changed
  }

  resources() {
    return resources;
  }

  templates() {
    return templates;
  }

  prompts() {
    return prompts;
  }

  touch(uri) {
    this.versions.set(uri, (this.versions.get(uri) ?? 0) + 1);
  }

  async read(uri, context) {
    const version = this.versions.get(uri) ?? 0;
    if (uri === 'souk://binary')
      return { contents: [{ uri, mimeType: 'application/octet-stream', blob: '3q2+7w==' }] };
    if (uri === 'souk://ask') {
      const { who } = await context.askAll({ who: form(context, { message: 'Who reads?' }) });
      return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify(who) }] };
    }
    const user = /^souk:\/\/users\/([^/]+)$/.exec(uri);
    if (user) {
      const text = JSON.stringify({ name: decodeURIComponent(user[1]), version });
      return { contents: [{ uri, mimeType: 'application/json', text }] };
    }
    const known = resources.find((one) => one.uri === uri);
    if (!known) throw new RpcError(context.modern ? -32602 : -32002, 'Resource not found', { uri });
    return { contents: [{ uri, mimeType: 'text/plain', text: `${known.title}, version ${version}` }] };
  }

  async prompt({ name, arguments: input = {} }, context) {
    if (!(name in writers)) throw new RpcError(-32602, `Unknown prompt: ${name}`);
    return writers[name](input, context);
  }

  // completion/complete: what begins with what was typed. Months depend on the year that was chosen before.
  complete({ ref, argument, context = {} }) {
    let all;
    if (ref.type === 'ref/prompt' && ref.name === 'review' && argument.name === 'style') all = STYLES;
    if (ref.type === 'ref/prompt' && ref.name === 'greet' && argument.name === 'name') all = USERS;
    if (ref.type === 'ref/resource' && ref.uri === 'souk://users/{name}' && argument.name === 'name') all = USERS;
    if (ref.type === 'ref/resource' && ref.uri === 'souk://days/{year}/{month}') {
      all =
        argument.name === 'year'
          ? ['2025', '2026']
          : ['01', '02', '11'].map((month) => `${context.arguments?.year ?? '?'}-${month}`);
    }
    if (!all) throw new RpcError(-32602, 'there is nothing to complete');
    const values = all.filter((one) => one.startsWith(argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  }
}
