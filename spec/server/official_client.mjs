// The official client against a server, as a yardstick for the scripted server: what this client may do, the
// server has to accept without complaint. Tools only; official_features.mjs does the rest.
//
//     node official_client.mjs legacy|auto|sse http://127.0.0.1:8080/mcp [TOKEN]
//     node official_client.mjs legacy|auto --stdio COMMAND [ARGUMENT]...
//
// Prints one line of JSON: the revision, the number of tools, and what a few calls returned.

import { close, connect } from './official.mjs';

const client = await connect();
const tools = [];
let cursor;
do {
  const page = await client.listTools(cursor === undefined ? {} : { cursor });
  tools.push(...page.tools);
  cursor = page.nextCursor;
} while (cursor !== undefined);

let progress = 0;
const call = (name, input, options) => client.callTool({ name, arguments: input }, options);
const report = {
  revision: client.getNegotiatedProtocolVersion(),
  tools: tools.length,
};
// In pairs: a server that answers out of order keeps the first answer until there is a second one.
const [echo, add] = await Promise.all([call('echo', { text: 'grüezi' }), call('add', { a: 2, b: 3 })]);
report.echo = echo.content[0].text;
report.add = add.structuredContent;
if (tools.some((tool) => tool.name === 'slow')) {
  const onprogress = () => {
    progress += 1;
  };
  const [slow, other] = await Promise.all([
    call('slow', { ms: 30, steps: 3 }, { onprogress }),
    call('echo', { text: 'meanwhile' }),
  ]);
  report.slow = slow.content[0].text;
  report.meanwhile = other.content[0].text;
  report.progress = progress;
}
await close(client);
console.log(JSON.stringify(report));
