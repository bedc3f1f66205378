// Tools whose arguments are repeated in headers (x-mcp-header, 2026-07-28), good ones and bad ones.

const text = (value) => ({ content: [{ type: 'text', text: value }] });
const object = (properties, required = []) => ({ type: 'object', properties, required });

const headersSchema = (suffix) =>
  object({
    region: { type: 'string', 'x-mcp-header': `Region${suffix}` },
    count: { type: 'integer', 'x-mcp-header': `Count${suffix}` },
    dry: { type: 'boolean', 'x-mcp-header': `Dry-Run${suffix}` },
    where: object({ tenant: { type: 'string', 'x-mcp-header': `Tenant${suffix}` } }),
    note: { type: 'string' },
  });

const bad = {
  empty: { a: { type: 'string', 'x-mcp-header': '' } },
  space: { a: { type: 'string', 'x-mcp-header': 'My Header' } },
  colon: { a: { type: 'string', 'x-mcp-header': 'My:Header' } },
  control: { a: { type: 'string', 'x-mcp-header': 'My\r\nHeader' } },
  no_string: { a: { type: 'string', 'x-mcp-header': 7 } },
  twice: { a: { type: 'string', 'x-mcp-header': 'Same' }, b: { type: 'string', 'x-mcp-header': 'sAME' } },
  number: { a: { type: 'number', 'x-mcp-header': 'A' } },
  object: { a: { type: 'object', 'x-mcp-header': 'A' } },
  array: { a: { type: 'array', 'x-mcp-header': 'A' } },
  in_items: { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } },
  in_choice: { a: { anyOf: [{ type: 'string', 'x-mcp-header': 'A' }] } },
};

const good = (suffix) => ({
  name: 'headers',
  description: 'Arguments that headers repeat.',
  inputSchema: headersSchema(suffix),
  annotations: { readOnlyHint: true },
  run: (input) => text(JSON.stringify(input)),
});

const badOnes = Object.entries(bad).map(([name, properties]) => ({
  name: `bad_header_${name}`,
  description: 'To be dropped from the list.',
  inputSchema: object(properties),
  run: () => text('nobody should call this'),
}));

export const tools = (knobs) => [good(knobs.header_suffix), ...(knobs.bad_headers ? badOnes : [])];

// Every annotation of a schema: { name, path } with the path of the argument.
function annotations(schema, path = []) {
  return Object.entries(schema.properties ?? {}).flatMap(([key, rule]) => {
    const here = [...path, key];
    const own = rule['x-mcp-header'] === undefined ? [] : [{ name: rule['x-mcp-header'], path: here }];
    return [...own, ...annotations(rule, here)];
  });
}

// The Mcp-Param headers that a call has to carry: lower-case header name -> value.
export function paramHeaders(schema, input) {
  const wanted = {};
  for (const { name, path } of annotations(schema)) {
    const value = path.reduce((inner, key) => inner?.[key], input);
    if (value !== undefined && value !== null) wanted[`mcp-param-${name.toLowerCase()}`] = String(value);
  }
  return wanted;
}
