// The official client against the bench server: so many calls, so many of them in flight, after half as many to be
// warm. Prints a line for each: WIDTH, microseconds per call, microseconds of its own processor time.
//
//     SOUK_NPM=... node official.mjs URL WIDTH:COUNT...
// SOUK_NPM is the node_modules folder that holds @modelcontextprotocol/client.

import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.resolve(process.env.SOUK_NPM, 'any.js'));
const { Client, StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');

const [url, ...works] = process.argv.slice(2);
const input = {
  text: 'The quick brown fox jumps over the lazy dog, again and again, until the benchmark ends.',
  times: 3,
};

const transport = new StreamableHTTPClientTransport(new URL(url));
const client = new Client({ name: 'official', version: '1.0.0' }, { versionNegotiation: { mode: 'legacy' } });
await client.connect(transport);

async function run(width, count) {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const { content } = await client.callTool({ name: 'echo', arguments: input });
      if (!content[0].text) throw new Error('that was no answer');
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

for (const work of works) {
  const [width, count] = work.split(':').map(Number);
  await run(width, count / 2);
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await run(width, count);
  const microseconds = (performance.now() - start) * 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(width, microseconds / count, (user + system) / count);
}
await client.close();
