// The official client against the scripted server, with everything beside tools: it answers questions, reads, asks
// for prompts and completion, listens and logs. Arguments as official_client.mjs has them.
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
  for (const method of ['resources/updated', 'resources/list_changed', 'tools/list_changed', 'prompts/list_changed', 'message']) {
    client.setNotificationHandler(`notifications/${method}`, ({ params }) => {
      heard.push(params?.uri ?? params?.data ?? method);
    });
  }
}

const client = await connect({ capabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} } }, prepare);
report.revision = client.getNegotiatedProtocolVersion();
const isModern = report.revision >= '2026';

async function call(name, input = {}) {
  const { content } = await client.callTool({ name, arguments: input });
  return content[0].text;
}

// What is asked, in the tools that fit the revision.
const toAsk = ['ask_sample', 'ask_roots', 'ask_all', 'state_only'];
if (report.revision >= '2025-06-18') toAsk.push('ask_form');
if (report.revision >= '2025-11-25') toAsk.push('ask_url');
for (const name of toAsk) report[name] = await call(name);
if (report.revision >= '2025-06-18') report.rounds = JSON.parse(await call('ask_form', { rounds: 3 })).length;

await client.listTools(); // it sends headers of tools that it knows
report.headers = await call('headers', { region: 'zürich', count: 42, dry: true, where: { tenant: ' t ' }, note: 'n' });

report.resources = (await client.listResources()).resources.length;
report.templates = (await client.listResourceTemplates()).resourceTemplates.length;
report.read = (await client.readResource({ uri: 'souk://users/ann' })).contents[0].text;
report.blob = (await client.readResource({ uri: 'souk://binary' })).contents[0].blob;
report.prompts = (await client.listPrompts()).prompts.length;
report.prompt = (await client.getPrompt({ name: 'greet', arguments: { name: 'Ann' } })).messages.length;
if (report.revision >= '2025-03-26') {
  const completed = await client.complete({
    ref: { type: 'ref/prompt', name: 'review' },
    argument: { name: 'style', value: 'b' },
  });
  report.completed = completed.completion.values;
}

// Listens, until something was heard of both kinds.
let subscription;
const uri = 'souk://notes/1';
if (isModern) {
  subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] });
} else {
  await client.subscribeResource({ uri });
  await client.setLoggingLevel('info');
}
report.chatter = await call('chatter', { level: 'warning', data: 'chat' });
const end = Date.now() + TELL_MS;
const both = () => heard.includes(uri) && heard.includes('tools/list_changed');
while (!both() && Date.now() < end) {
  await call('touch', { uri });
  await call('set_tools', { add: ['new'] });
  await new Promise((done) => setTimeout(done, 20));
}
report.heard = [...new Set(heard)].sort();
report.asked = asked;
if (subscription) await subscription.close();
else await client.unsubscribeResource({ uri });
if (overStdio || mode === 'sse') await client.close();
else await close(client);
console.log(JSON.stringify(report));
