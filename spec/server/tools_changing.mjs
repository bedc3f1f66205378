// Tools by which a specification makes the server say or change something. Over HTTP the control port does the same;
// a child process has only these.

const text = (value) => ({ content: [{ type: 'text', text: value }] });
const object = (properties, required = []) => ({ type: 'object', properties, required });
const string = { type: 'string' };
const list = { type: 'array' };

const tool = (name, description, inputSchema, run) => ({
  name,
  description,
  inputSchema,
  annotations: { readOnlyHint: true },
  run,
});

export const tools = [
  tool(
    'notify',
    'Sends a notification to everybody who listens.',
    object({ method: string, params: { type: 'object' } }, ['method']),
    ({ method, params }, { world }) => text(`told ${world.tell(method, params)}`),
  ),
  tool(
    'set_tools',
    'Adds and removes tools, and says so.',
    object({ add: list, remove: list }),
    (changes, { world }) => text(`told ${world.setTools(changes)}`),
  ),
  tool('touch', 'Changes a resource, and says so.', object({ uri: string }, ['uri']), ({ uri }, { world }) =>
    text(`told ${world.touch(uri)}`),
  ),
  tool('end_listen', 'Ends all listening.', object({ how: string }), ({ how }, { world }) =>
    text(`ended ${world.endListening(how)}`),
  ),
  tool(
    'chatter',
    'Writes log messages about its call.',
    object({ level: string, logger: string, data: {}, times: { type: 'integer' } }),
    ({ level = 'info', logger = 'chatter', data = 'chat', times = 1 }, context) => {
      let written = 0;
      for (let time = 0; time < times; time += 1) written += context.log(level, logger, data) ? 1 : 0;
      return text(`wrote ${written}`);
    },
  ),
];
