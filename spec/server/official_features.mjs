// The official client against our servers, with everything beside tools: it answers questions, reads, asks for
// prompts and completion, listens and logs. Arguments as official_client.mjs has them.
//
// Prints one line of JSON: what came of each.

import { close, connect, mode, overStdio } from './official.mjs';

const TELL_MS = 5000;

const heard = [];
const asked = [];
const report = {};

function prepare(client) {
  client.setRequestHandler('elicitation/create', ({ params }) => {
    asked.push(params.mode ?? 'form');
    if (params.mode === 'url') return { action: 'accept' };
    const content = { name: 'Bea', age: 7, score: 1.5, verified: false, status: 'pending' };
    if (params.requestedSchema.properties.tags) content.tags = ['green'];
    return { action: 'accept', content };
  });
  client.setRequestHandler('sampling/createMessage', () => {
    asked.push('sample');
    return { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'none', stopReason: 'endTurn' };
  });
  client.setRequestHandler('roots/list', () => {
    asked.push('roots');
    return { roots: [{ uri: 'file:///tmp', name: 'tmp' }] };
  });
  for (const method of [
    'resources/updated',
    'resources/list_changed',
    'tools/list_changed',
    'prompts/list_changed',
    'message',
  ]) {
    client.setNotificationHandler(`notifications/${method}`, ({ params }) => {
      heard.push(params?.uri ?? params?.data ?? method);
    });
  }
}

const client = await connect(
  { capabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} } },
  prepare,
);
report.revision = client.getNegotiatedProtocolVersion();
const isModern = report.revision >= '2026';

async function call(name, input = {}) {
  const { content } = await client.callTool({ name, arguments: input });
  return content[0].text;
}

// The scripted server, or the one on the official packages: they differ in what they offer.
const isScripted = client.getServerVersion().name === 'souk-scripted';
await (isScripted ? askScripted() : askPackage());
report.chatter = await listen(
  isScripted
    ? {
        uri: 'souk://notes/1',
        log: ['chatter', { level: 'warning', data: 'chat' }],
        change: ['set_tools', { add: ['new'] }],
      }
    : { uri: 'souk://readme', log: ['work', { steps: 1 }], change: ['add_tool', { name: `new_${process.pid}` }] },
);
if (overStdio || mode === 'sse') await client.close();
else await close(client);
console.log(JSON.stringify(report));

async function askPackage() {
  for (const name of ['ask_form', 'ask_url', 'ask_sample', 'ask_roots', 'ask_twice']) report[name] = await call(name);
  report.read = (await client.readResource({ uri: 'souk://readme' })).contents[0].text;
  report.prompt = (await client.getPrompt({ name: 'ask' })).messages[0].content.text;
  await complete('b');
}

async function complete(value) {
  const completed = await client.complete({
    ref: { type: 'ref/prompt', name: 'review' },
    argument: { name: 'style', value },
  });
  report.completed = completed.completion.values;
}

async function askScripted() {
  // What is asked, in the tools that fit the revision.
  const toAsk = ['ask_sample', 'ask_roots', 'ask_all', 'state_only'];
  if (report.revision >= '2025-06-18') toAsk.push('ask_form');
  if (report.revision >= '2025-11-25') toAsk.push('ask_url');
  for (const name of toAsk) report[name] = await call(name);
  if (report.revision >= '2025-06-18') report.rounds = JSON.parse(await call('ask_form', { rounds: 3 })).length;

  await client.listTools(); // it sends headers of tools that it knows
  report.headers = await call('headers', {
    region: 'zürich',
    count: 42,
    dry: true,
    where: { tenant: ' t ' },
    note: 'n',
  });

  report.resources = (await client.listResources()).resources.length;
  report.templates = (await client.listResourceTemplates()).resourceTemplates.length;
  report.read = (await client.readResource({ uri: 'souk://users/ann' })).contents[0].text;
  report.blob = (await client.readResource({ uri: 'souk://binary' })).contents[0].blob;
  report.prompts = (await client.listPrompts()).prompts.length;
  report.prompt = (await client.getPrompt({ name: 'greet', arguments: { name: 'Ann' } })).messages.length;
  if (report.revision >= '2025-03-26') await complete('b');
}

// Listens, until something was heard of a resource and of the tools. Gives what the tool that logs said.
async function listen({ uri, log, change }) {
  let subscription;
  if (isModern) {
    subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] });
  } else {
    if (isScripted) await client.subscribeResource({ uri }); // the package has no method for it
    await client.setLoggingLevel('info');
  }
  const said = await call(...log);
  const end = Date.now() + TELL_MS;
  const both = () => heard.includes(uri) && heard.includes('tools/list_changed');
  let isChanged = false;
  while (!both() && Date.now() < end) {
    await call('touch', { uri });
    if (isScripted || !isChanged) await call(...change);
    isChanged = true;
    await new Promise((done) => setTimeout(done, 20));
  }
  report.heard = [...new Set(heard)].filter((one) => typeof one === 'string').sort();
  report.asked = asked;
  if (subscription) await subscription.close();
  else if (isScripted) await client.unsubscribeResource({ uri });
  return said;
}
