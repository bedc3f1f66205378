// What a specification may turn on the scripted server, with the defaults: a well-behaved server that speaks
// the three legacy revisions, keeps sessions and answers with JSON.

export const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
export const MODERN = '2026-07-28';

export const defaults = () => ({
  // Who may come in, and what is spoken.
  token: null, // the Bearer token that every request must carry; null asks for none
  revisions: LEGACY.slice(0, 3), // offered; with "2026-07-28" (or a later one) the server is a modern one (or both)
  answer_revision: null, // answer initialize with this one, whatever was asked

  // How requests are answered over HTTP.
  answer: 'json', // or 'sse'
  priming: false, // SSE: an event with an id and no data comes first (2025-11-25)
  poll: false, // SSE: tools/call closes after the priming event; the answer waits for GET with Last-Event-ID
  retry: null, // SSE: milliseconds in a retry: field
  chunks: 0, // write bodies in pieces of this many bytes; 0 writes them whole
  poll_again: 0, // with `poll`: the stream is closed again after so many events that are not the answer
  poll_old: false, // event ids and polls also before 2025-11-25
  drop_after: 0, // SSE: the connection breaks after so many events of an answer's stream
  get: '405', // or 'stream': an event stream for what belongs to no request
  get_ids: false, // its events have ids, and what is sent while nobody listens is kept for Last-Event-ID
  get_drop: 0, // it is closed after so many events
  escapes: false, // write JSON in ASCII, with \u escapes, and "/" as "\/"
  extras: false, // members that nobody has defined, in every result and all params
  delete: '200', // or '405'
  server_ping: false, // SSE: ask the client for a ping before tools/call is answered, and wait for its reply
  delay: 0, // milliseconds before every answer

  // Sessions.
  session: 'header', // or 'none': no Mcp-Session-Id at all
  session_calls: 0, // tools/call that a session lives for; 0 is no end
  lost: '404', // an unknown session: '404' (with a JSON-RPC error), '404-plain', '400' (-32000), '200' (-32001)

  // A legacy server's answer to server/discover and everything else modern:
  // '400', '404', '405' (plain text), '400-rpc' (-32000), '404-rpc' (-32601), '200-32601', '200-32602', '500', 'hang'.
  discover: '400',

  // The transport of 2024-11-05: GET gives a stream that names the endpoint for messages, POST to /mcp is refused.
  transport: 'http', // or 'sse'
  sse_endpoint: 'relative', // how it is named: 'relative', 'absolute', 'foreign' (another origin), 'missing'

  // Requests that are sent elsewhere: { status: 307, to: 'Location', verb: only this one, times: so often }.
  // The endpoint is at /mcp/ and /moved/mcp, too, where nothing is redirected.
  redirect: null,

  // Tools and lists.
  all_tools: false, // tools/list has all of them; they can be called in any case
  page: 0, // entries in one page of a list; 0 is all
  cursor_prefix: '', // of cursors; another one makes those that were given before invalid
  empty_cursor: false, // the first cursor is ""
  repeat_cursor: false, // every page names the same next cursor: the list never ends

  // Questions to the client.
  ask_on: 'post', // a legacy server asks in the stream of the call, or on the 'get' stream; stdio has one way
  ask_anyway: false, // asks also for what the client did not declare
  ask_timeout: 10000, // milliseconds that a legacy server waits for an answer
  question_ids: 'string', // or 'integer': the same numbers as the client's own requests have
  state: 'plain', // requestState of a modern server: 'plain', 'weird', 'number', 'long', 'empty', 'none'

  // 2026-07-28.
  ttl: 0, // ttlMs of lists and resources
  cache_scope: 'private', // or 'public'
  header_suffix: '', // added to every x-mcp-header of the tool `headers`: what was listed before is then wrong
  bad_headers: false, // tools/list has tools whose x-mcp-header is not valid
  listen: 'on', // or 'partial' (only changes of tools), 'refuse' (-32601), 'silent' (is never acknowledged)
  tasks: [], // names of tools that become tasks, beside `task`
  poll_interval: 20, // pollIntervalMs of tasks; null for none
  task_ttl: 60000, // ttlMs of tasks; null for no end
  task_cancel: 'heed', // or 'ignore'

  // Faults of the next requests, first match first; see README.md.
  faults: [],

  // stdio alone.
  discover_stdio: '-32601', // a legacy server's answer: '-32601', '-32602', 'silent', 'die'
  die_at_start: false,
  die_on_call: 0, // the n-th tools/call ends the process, without an answer
  flood_stderr: 0, // bytes written to stderr at the start and with every message
  garbage: false, // lines on stdout that are no JSON, around every message
  ignore_eof: false, // goes on when stdin is closed
  ignore_term: false, // goes on when it is sent SIGTERM
  out_of_order: false, // answers tools/call in pairs, the second first
});

// Sets what `changes` names. A name that does not exist is an error: a typo must not make a specification pass.
export function turn(knobs, changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in knobs)) throw new Error(`there is no knob '${name}'`);
    // Lua's empty table arrives as {}.
    const isEmptyTable = Array.isArray(knobs[name]) && !Array.isArray(value) && Object.keys(value).length === 0;
    knobs[name] = isEmptyTable ? [] : value;
  }
  return knobs;
}

export const offersModern = (knobs) => knobs.revisions.some((revision) => revision >= MODERN);
export const offeredLegacy = (knobs) => LEGACY.filter((revision) => knobs.revisions.includes(revision));
