---@meta souk
-- luacheck: ignore 212 241
--- Types of souk's public face, for language servers that understand LuaCATS annotations. Never loaded at run time.
--- All times are in seconds. Markets, servers and handles are in types_methods.lua.

---@class souk
---@field version string of souk: three numbers with dots
---@field null lightuserdata JSON null; the same value as cjson.null and ngx.null
---@field error_kinds table<souk.ErrorKind, string> every kind of error, and what it means
---@field later table what a handler returns when its answer comes later, through request.respond
local souk = {}

---@alias souk.ErrorKind
---| "config"    # a capability, server, option or variable is missing or wrong
---| "file"      # a file cannot be read, written or parsed
---| "schema"    # an input or output does not match its schema
---| "policy"    # a rule of the marketplace forbids it
---| "transport" # no connection, a broken one, or a dead child process
---| "protocol"  # the server's answer breaks the protocol
---| "rpc"       # the server answered with a JSON-RPC error
---| "tool"      # the tool ran and reported failure
---| "auth"      # credentials are missing or were refused
---| "timeout"   # a deadline passed
---| "cancelled" # the caller cancelled it
---| "limit"     # a configured limit, or memory, is exhausted
---| "closed"    # the marketplace, session or server was closed

---@alias souk.Delivery
---| "not_sent"  # no byte of the request left
---| "rejected"  # the server refused it before executing
---| "ambiguous" # it was sent, and no answer says what became of it
---| "delivered" # the server answered

--- What went wrong. tostring() of it is a line that a person can act on; it never holds a credential: where a server
--- says again what souk gave it (token, headers, variables; from 8 bytes on), its name is there. `data` is as sent.
---@class souk.Error
---@field kind souk.ErrorKind
---@field message string
---@field retryable boolean the same call may succeed later without anybody changing anything
---@field retry_after number|nil seconds: the server asked to wait so long, or the breaker is open for so long
---@field delivery souk.Delivery|nil how far the call got
---@field capability string|nil id of the capability
---@field status integer|nil HTTP status
---@field code integer|nil JSON-RPC error code
---@field data any data of a JSON-RPC error, or the whole result of a tool that failed
---@field line integer|nil in a text that was read, from 1
---@field column integer|nil in bytes, from 1

---@class souk.Policy
---@field allow string[]|nil globs over ids; when there are any, only what they match may be called
---@field deny string[]|nil globs over ids; deny wins
---@field restrictive boolean|nil only what `allow` names may be called, even when it names nothing

---@alias souk.HostName "auto"|"blocking"|"openresty"|"neovim"|"luv"|"loop"

--- A function of yours that says how whoever runs now is parked in your loop: park(timeout in seconds), which unpark()
--- ends, or which is never called when unpark() came first. Nothing at all where nobody can be parked.
---@alias souk.Parker fun(): fun(timeout: number)|nil, fun()|nil

---@class souk.OpenOptions
---@field env table<string, string>|nil takes the place of the process's environment
---@field clock (fun(): number)|nil seconds; takes the place of the system's clock for deadlines, idle time and lives
---@field policy souk.Policy|nil
---@field allow_hosts string[]|nil hosts that may be connected to: names, globs, addresses; an empty list allows none
---@field deny_private boolean|nil connect to no address that is not public; default false
---@field deny_commands boolean|nil start no server that is a command; default false
---@field validate boolean|nil check inputs and outputs against their schemas; default true
---@field elicitation souk.ElicitationHandler|nil answers what servers want to know from the user
---@field sampling souk.SamplingHandler|nil answers with what a language model says
---@field roots souk.Roots|nil folders that servers may work in
---@field trace (fun(): souk.Trace|nil)|nil gives the W3C trace context of each call that has none of its own
---@field on_error fun(message: any)|nil gets errors of callbacks that nobody waits for; default: standard error
---@field host souk.HostName|souk.Parker|nil how to wait; "auto" unless it is given
---@field log souk.Log|"stderr"|nil gets what happens, line by line; errors that it raises go to `on_error`
---@field log_level "debug"|"info"|"warning"|"error"|nil least severe level for `log`; default info
---@field max_sessions_per_key integer|nil sessions of one endpoint and identity; default 8
---@field max_sessions integer|nil sessions in all; default 256
---@field max_keys integer|nil endpoints that are remembered; default 1,024
---@field max_waiting integer|nil calls that wait for a session, per endpoint; default 1,024
---@field max_calls integer|nil calls in flight and waiting, in all; default 16,384
---@field max_in_flight integer|nil calls in flight on one session; default 1,024
---@field max_opening integer|nil sessions that are being opened at a time; default 16
---@field max_input integer|nil inputs of all calls in flight and waiting; default 256 MiB
---@field max_asks integer|nil questions to the program that are not answered yet; default 1,024
---@field max_notes integer|nil events, progress included, that nobody has fetched yet; default 4,096
---@field call_timeout number|nil time for a call, waiting for its session included; default 60
---@field call_cap number|nil time for a call that reports progress; default 600
---@field idle_timeout number|nil an unused session is closed after this time; default 300
---@field max_life number|nil a session is replaced after this time; default 3,600
---@field close_timeout number|nil time for the orderly end of a session; default 5
---@field max_resends integer|nil times that a call is sent again that was not executed, or may be twice; default 2
---@field retry_delay number|nil wait before a call is sent or a session opened again after a failure; default 0.1
---@field max_retry_delay number|nil longest of these waits, which double each time; default 5
---@field max_pause number|nil longest time for which a server's Retry-After keeps its calls waiting; default 60
---@field breaker_failures integer|nil failures in a row after which calls of an endpoint fail at once; default 5
---@field breaker_pause number|nil time after which one call may try it again; default 30
---@field probe_idle number|nil a session not used for so long is probed first; 0: never; default 60
---@field probe_limit number|nil time for the answer to that probe; default 5
---@field open_timeout number|nil time for opening a session over HTTP; default 30
---@field spawn_timeout number|nil time for starting a child and opening its session; default 60
---@field probe_timeout number|nil a child that is silent so long after server/discover is legacy; default 3
---@field connect_timeout number|nil time for a connection, TLS included; default 10
---@field child_grace number|nil time between the steps that end a child; default 2
---@field max_response integer|nil bytes of one answer, one line of a child, one event of a stream; default 32 MiB
---@field max_header integer|nil bytes of all headers of one answer; default 256 KiB
---@field max_queue integer|nil bytes of input that a child has not read yet; default 64 MiB
---@field max_depth integer|nil nesting of JSON in answers; default 128
---@field stream_retry number|nil time before a broken stream is taken up again, when the server names none; default 1
---@field max_resumes integer|nil times that a broken stream is taken up again without anything new; default 5
---@field max_redirects integer|nil redirects of one request that are followed; default 5
---@field max_rounds integer|nil times that one call may ask for input; default 16
---@field poll_interval number|nil time between looks at a task, when the server names none; default 1
---@field max_poll_failures integer|nil looks at a task that may fail in a row; default 5
---@field input_timeout number|nil time for the answer to a question of a server; default 600
---@field max_capabilities integer|nil capabilities in the marketplace; default 1,000,000
---@field max_file integer|nil bytes of one capability file; default 16 MiB
---@field max_files integer|nil files of one folder; default 100,000
---@field max_tools integer|nil tools of one server; default 10,000
---@field max_pages integer|nil pages of one tools/list; default 1,000
---@field max_buffered integer|nil all that sessions receive and keep until it is fetched; default 1 GiB
---@field max_connections integer|nil HTTP connections of one identity; default 256
---@field max_children integer|nil child processes; default 256
---@field shared_dict string|nil nginx: name of the lua_shared_dict through which workers share their sessions
---@field max_cached integer|nil results of servers that are kept as long as they allow (ttlMs); default 256

---@class souk.ServerOptions
---@field url string|nil of a Streamable HTTP server; either this or `command`
---@field command string|nil program of a stdio server, looked up in PATH
---@field args string[]|nil
---@field env table<string, string>|nil added to the child's environment
---@field cwd string|nil folder in which the child starts
---@field headers table<string, string>|nil sent with every request, beside the protocol's own
---@field auth_env_var string|nil variable that holds the token; then <NAME>_MCP_TOKEN, then MCP_AUTH_TOKEN
---@field auth (fun(server: souk.AuthQuestion): string|nil)|nil gives the token; asked for each session and after a 401
---@field identity string|nil on whose behalf; sessions and connections are never shared between identities
---@field protocol_version string|nil speak this revision and no other; default: find out
---@field timeout number|nil of its calls
---@field ca_file string|nil PEM file with the roots to trust
---@field url_override_env string|nil variable that, when set, takes the place of `url`
---@field discover boolean|nil ask for its tools now; default true
---@field elicitation souk.ElicitationHandler|false|nil takes the place of souk.open's; false: none
---@field sampling souk.SamplingHandler|false|nil
---@field roots souk.Roots|false|nil
---@field tasks boolean|nil the server may make tasks of calls (extension io.modelcontextprotocol/tasks); default true
---@field listen boolean|nil listen to what it says by itself; default: when its lists may change, or for subscriptions
---@field log_level souk.LogLevel|nil least severe log message that is wanted; default none
---@field mode "shared"|"exclusive"|"pinned"|nil many calls on one session; one at a time; only through market:session
---@field max_sessions integer|nil sessions of one identity; default: option max_sessions_per_key
---@field rate_limit string|number|nil calls per identity: "10/s", "600/min", "1000/h"; a number is per second

---@alias souk.LogLevel
---| "debug" | "info" | "notice" | "warning" | "error" | "critical" | "alert" | "emergency"

--- A question of a server. A handler returns its answer, or nil and an error; or `souk.later`, and calls respond when
--- it has one. What it raises, and an answer that does not fit, goes to `on_error`, and the server gets an error.
---@class souk.InputRequest
---@field server string
---@field identity string
---@field capability string|nil the call that it is about, where that is known
---@field method string "elicitation/create", "sampling/createMessage" or "roots/list"
---@field params table as the server sent them
---@field respond fun(answer: any, err: any): true|nil, souk.Error|nil once; after an error once more
---@field withdrawn boolean the answer is not needed any more
---@field on_withdrawn fun()|nil set it to be told of that

---@class souk.ElicitationRequest: souk.InputRequest
---@field mode "form"|"url"
---@field message string
---@field schema table|nil form: JSON Schema of the wanted content, an object of plain fields
---@field url string|nil url: to be visited by the user, who has to agree first; souk never opens it
---@field elicitation_id string|nil

--- Form: the content, a table: fields that are left out get the schema's defaults (souk.null leaves one out for
--- good), and the whole is checked against the schema. Or "accept" (all defaults), "decline", "cancel". Url: "accept",
--- "decline" or "cancel"; only http and https URLs come here, others are declined. true is "accept", false "decline".
---@alias souk.ElicitationHandler fun(request: souk.ElicitationRequest): any, any

--- A result {role, content, model, stopReason}: content is a text, a block or a list of blocks, role is "assistant"
--- when it is left out. nil and an error when the user refuses: the server gets it with code -1, or the error's own.
---@alias souk.SamplingHandler fun(request: souk.InputRequest): any, any

--- Absolute paths, file:// URIs, or {uri = ..., name = ...}; or a function that gives such a list.
---@alias souk.Roots table|(fun(request: souk.InputRequest): table|nil, any)

---@class souk.Trace
---@field traceparent string|nil
---@field tracestate string|nil
---@field baggage string|nil

---@class souk.Progress
---@field progress number|nil
---@field total number|nil
---@field message string|nil
---@field task string|nil id, when the server made a task of the call
---@field status string|nil of the task: "working", "input_required", ...

---@class souk.AuthQuestion
---@field server string
---@field identity string
---@field url string
---@field refused boolean|nil true: the server has refused the token that was given last

---@class souk.CallOptions
---@field timeout number|nil
---@field identity string|nil takes the place of the server's
---@field raw boolean|nil the whole result instead of its value; a result with isError is then a result
---@field resend boolean|nil true: executing it twice does no harm; false: never twice, whatever its annotations say
---@field validate boolean|nil false: check neither input nor output
---@field on_progress fun(progress: souk.Progress)|nil each report moves the deadline, up to `cap`
---@field cap number|nil longest time with progress; default: option call_cap
---@field trace souk.Trace|nil W3C trace context; default: what souk.open's `trace` gives
---@field affinity string|nil a session of its own, shared by all calls that name it
---@field session souk.HeldSession|nil on this one; its own `call` is shorter
---@field cancel_on_abort boolean|nil OpenResty, for calls that are waited for: ends with the client of the request

---@class souk.SessionOptions
---@field identity string|nil takes the place of the server's
---@field affinity string|nil who names it again gets the same session, while it lives; default: one of its own
---@field timeout number|nil for getting it

---@class souk.ManifestInput
---@field id string
---@field handler (fun(input: any, opts: souk.CallOptions): any, any)|nil makes it local: a function of this script
---@field name string|nil
---@field version string|nil default "1.0.0"
---@field description string|nil
---@field provider string|table|nil
---@field permissions string[]|nil
---@field effects string[]|nil
---@field domains string[]|nil
---@field categories string[]|nil
---@field input_schema table|boolean|nil JSON Schema
---@field output_schema table|boolean|nil JSON Schema
---@field annotations table|nil
---@field metadata table|nil nested; flattened when it is registered

---@class souk.Manifest
---@field id string
---@field name string
---@field version string
---@field description string
---@field provider string|table|nil
---@field provider_kind string|nil "mcp", "lua", ...
---@field permissions string[]
---@field effects string[]
---@field domains string[]
---@field categories string[]
---@field language any
---@field input_schema table|boolean|nil
---@field output_schema table|boolean|nil
---@field annotations table|nil
---@field metadata table<string, string> flat; of tools found on a server without headers, variables, arguments, query
---@field metadata_nested table
---@field extra table properties of the file that souk gives no meaning to
---@field implementation string|nil source of the form, never evaluated
---@field server string|nil name of the server that it was found on
---@field file string|nil
---@field line integer|nil

---@class souk.Diagnostic
---@field severity "note"|"warning"|"error"
---@field file string|nil
---@field line integer|nil
---@field column integer|nil
---@field capability string|nil
---@field tool string|nil of diagnostics of add_server
---@field message string

---@class souk.Query
---@field match string|nil glob over ids: * and ?
---@field provider string|nil
---@field server string|nil
---@field permission string|nil
---@field effect string|nil
---@field domain string|nil
---@field category string|nil
---@field limit integer|nil

---@class souk.Session
---@field handler string
---@field server string
---@field identity string
---@field state "opening"|"open"|"retiring"|"lost"|"closing"
---@field id string shortened
---@field protocol string
---@field generation integer 1 for the first session of its endpoint
---@field in_flight integer
---@field holds integer how many hold it
---@field calls integer
---@field age number
---@field idle number

--- A line of what happened, and the event behind it. What this function itself causes is not logged.
---@alias souk.Log fun(level: "debug"|"info"|"warning"|"error", message: string, event: souk.Event)

--- How long things took, in seconds, measured in whole milliseconds. Quantiles are estimated, and absent at first.
---@class souk.Latency
---@field count integer
---@field sum number
---@field p50 number|nil half of them took no longer
---@field p90 number|nil
---@field p99 number|nil
---@field buckets {le: number|nil, count: integer}[] how many took up to `le`; the last one, without it, has all

---@class souk.LatencyStats
---@field call souk.Latency calls, from being taken to their end
---@field wait souk.Latency calls, until they got their session
---@field open souk.Latency sessions, until they were open

--- All identities of a server together.
---@class souk.ServerStats
---@field calls integer
---@field failed integer
---@field sessions integer now
---@field in_flight integer now
---@field waiting integer now
---@field breaker "closed"|"half-open"|"open" the worst of its endpoints
---@field latency souk.Latency of its calls

---@class souk.Stats
---@field calls integer
---@field calls_ok integer
---@field calls_failed integer
---@field calls_resent integer
---@field calls_waited integer
---@field calls_refused integer the breaker was open
---@field sessions_opened integer
---@field sessions_failed integer
---@field sessions_reused integer
---@field sessions_lost integer
---@field sessions_closed integer
---@field sessions_evicted integer
---@field sessions_probed integer
---@field breaker_opened integer
---@field notes_dropped integer
---@field sessions integer now
---@field endpoints integer now
---@field in_flight integer now
---@field waiting integer now
---@field capabilities integer now
---@field latency souk.LatencyStats
---@field servers table<string, souk.ServerStats>

---@alias souk.EventName
---| "session_opening"
---| "session_opened"
---| "session_renewed" # opened again, after one before was lost or closed
---| "session_reused"  # a call found it open
---| "session_failed"  # it could not be opened
---| "session_lost"
---| "session_closed"
---| "session_waiting"      # a call has to wait; reason
---| "session_evicted"      # it is closed to make room; reason: the option
---| "session_probed"       # it was not used for long, and is asked whether it is there
---| "session_held"
---| "session_released"
---| "breaker_opened"       # calls fail at once from now on; reason: the last failure
---| "breaker_trial"        # one call tries
---| "breaker_closed"
---| "endpoint_paused"      # the server said Retry-After
---| "tools_changed"        # a server says so; its capabilities follow, then comes tools_refreshed
---| "tools_refreshed"      # tools, diagnostics; or reason, when it failed (tried again later)
---| "prompts_changed"
---| "resources_changed"
---| "resource_updated"     # uri: of a resource that was subscribed to
---| "log"                  # level, logger, data: a log message of a server
---| "elicitation_complete" # elicitation_id
---| "listening"            # from now on the server is heard (again); what it said before may be missed
---| "listening_failed"     # reason; tried again later
---| "visit_declined"       # reason: a server asked for a visit to a URL that is not allowed
---| "notification"         # method, params: every notification of a server, also those above

---@class souk.Event
---@field name souk.EventName
---@field server string
---@field handler string
---@field identity string
---@field session string shortened id
---@field detail string protocol revision
---@field generation integer
---@field age_ms integer
---@field reason string|nil
---@field uri string|nil
---@field level souk.LogLevel|nil
---@field logger string|nil
---@field data any
---@field tools integer|nil
---@field diagnostics souk.Diagnostic[]|nil
---@field elicitation_id string|nil
---@field method string|nil
---@field params table|nil

---@class souk.HandlerTarget
---@field server string
---@field identity string
---@field config table<string, string> flat metadata

---@class souk.HandlerRequest
---@field capability string
---@field metadata table<string, string>|nil
---@field input any
---@field method string|nil of market:request
---@field params table|nil
---@field call integer

--- A session handler written in Lua. When `call` gives an error of kind "closed", the session is gone and nothing was
--- executed: souk opens another one, and calls once more.
---@class souk.Handler
---@field open fun(target: souk.HandlerTarget): any, any a session: any value that has JSON; or nil, err
---@field call fun(session: any, request: souk.HandlerRequest): any, any a result; or nil, err
---@field close (fun(session: any))|nil
---@field cancel (fun(session: any, call: integer))|nil

---@param opts souk.OpenOptions|nil
---@return souk.Market
function souk.open(opts) end

--- Waits until all have ended, however they did: each handle's wait() then gives its result at once. When the time is
--- over (kind "timeout") the calls go on. Handles of one market; a handle may stand there twice; none at all is true.
---@param handles souk.Handle[]
---@param timeout number|nil
---@return true|nil
---@return souk.Error|nil
function souk.wait_all(handles, timeout) end

--- Waits until one has ended, however it did; of several that have, the first to. When the time is over the calls go on
--- (kind "timeout"). Handles of one market, at least one.
---@param handles souk.Handle[]
---@param timeout number|nil
---@return souk.Handle|nil
---@return integer|souk.Error where it stands in the list; or the error
function souk.wait_any(handles, timeout) end

--- The libcurl that is loaded, and what it has in it: for reports of what is wrong.
---@return string
function souk.libcurl() end

--- Marks a table as a JSON array, also when it is empty. Returns it.
---@param t table|nil
---@return table
function souk.array(t) end

souk.json = {}

---@param value any
---@return string|nil
---@return souk.Error|nil
function souk.json.encode(value) end

---@param text string
---@param opts { big_integers: "string"|"error"|"cdata"|nil, depth: integer|nil }|nil
---@return any
---@return souk.Error|nil
function souk.json.decode(text, opts) end

return souk
