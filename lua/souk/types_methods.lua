---@meta souk
-- luacheck: ignore 211 212 241
--- Types of souk's public face, continued: the methods of markets, servers and handles. Never loaded at run time.

---@class souk.Market
local Market = {}

---@param path string
---@return integer|nil
---@return souk.Diagnostic[]|souk.Error
function Market:load(path) end

---@param text string
---@param name string|nil
---@return integer|nil
---@return souk.Diagnostic[]|souk.Error
function Market:load_text(text, name) end

---@param path string
---@param match string|nil
---@return integer|nil
---@return souk.Error|nil
function Market:export(path, match) end

---@param manifest souk.ManifestInput
---@return true|nil
---@return souk.Error|nil
function Market:register(manifest) end

---@param id string
---@return boolean
function Market:remove(id) end

---@param id string
---@return souk.Manifest|nil
function Market:get(id) end

---@param query souk.Query|nil
---@return souk.Manifest[]
function Market:list(query) end

---@param name string
---@param opts souk.ServerOptions
---@return integer|nil number of tools
---@return souk.Diagnostic[]|souk.Error
function Market:add_server(name, opts) end

--- Takes a session that nobody else's calls run on, and waits until it is open.
---@param name string of a server that was added
---@param opts souk.SessionOptions|nil
---@return souk.HeldSession|nil
---@return souk.Error|nil
function Market:session(name, opts) end

---@param name string
---@param timeout number|nil
---@return integer|nil
---@return souk.Diagnostic[]|souk.Error
function Market:refresh(name, timeout) end

---@param name string
---@return boolean
function Market:remove_server(name) end

---@param prefix string
---@param functions souk.Handler
---@return true|nil
---@return souk.Error|nil
function Market:handler(prefix, functions) end

---@param id string
---@param input table|nil
---@param opts souk.CallOptions|nil
---@return any
---@return souk.Error|nil
function Market:call(id, input, opts) end

---@param id string
---@param input table|nil
---@param opts souk.CallOptions|nil
---@return souk.Handle|nil
---@return souk.Error|nil
function Market:start(id, input, opts) end

---@param server string
---@param method string
---@param params table|nil
---@param opts souk.CallOptions|nil
---@return any the whole result
---@return souk.Error|nil
function Market:request(server, method, params, opts) end

--- A server that was added, with everything that it offers beside its tools. Raises when there is none of that name.
---@param name string
---@return souk.Server
function Market:server(name) end

---@param name souk.EventName|"*"
---@param f fun(event: souk.Event)
---@return fun() ends the observation
function Market:on(name, f) end

--- Works, or lets the loop go on, for so long without waiting for a certain call.
---@param timeout number|nil seconds
---@return true|nil
---@return souk.Error|nil
function Market:step(timeout) end

--- For every host but "blocking": readable when dispatch() has something to do. Watch it, and do not read from it. It
--- stays open until the market is collected.
---@return integer|nil
---@return souk.Error|nil
function Market:fd() end

--- Hands out what is ready, without waiting: for a loop that watches fd(). false: the market is closed.
---@return boolean|nil
---@return souk.Error|nil
function Market:dispatch() end

--- tostring() of it is a table for people.
---@return souk.Session[]
function Market:sessions() end

--- tostring() of it is a summary for people.
---@return souk.Stats
function Market:stats() end

--- Everything that can be counted, in Prometheus' text format 0.0.4. No identity is in it.
---@return string|nil
---@return souk.Error|nil
function Market:metrics() end

--- Ends all calls with an error of kind "closed", says good-bye to servers, stops children. Harmless when it is closed
--- already.
---@param timeout number|nil how long to wait for that; default 10
---@return true
function Market:close(timeout) end

--- Options of the methods of souk.Server: those of a call, and `fresh` to pass by what is cached (ttlMs).
---@class souk.RequestOptions: souk.CallOptions
---@field fresh boolean|nil

---@class souk.ServerInfo
---@field protocol string revision
---@field era "legacy"|"modern"
---@field transport "http"|"sse"|"stdio"
---@field name string|nil
---@field version string|nil
---@field title string|nil
---@field instructions string|nil
---@field capabilities table

---@class souk.Server
---@field name string
local Server = {}

--- What the server said about itself. Opens a session when there was none yet.
---@param opts souk.CallOptions|nil
---@return souk.ServerInfo|nil
---@return souk.Error|nil
function Server:info(opts) end

--- Lists are whole: all pages, for which `timeout` is the time in all. Entries are as the server sent them.
---@param opts souk.RequestOptions|nil
---@return table[]|nil
---@return souk.Error|nil
function Server:tools(opts) end

---@param opts souk.RequestOptions|nil
---@return table[]|nil
---@return souk.Error|nil
function Server:resources(opts) end

---@param opts souk.RequestOptions|nil
---@return table[]|nil
---@return souk.Error|nil
function Server:resource_templates(opts) end

---@param uri string
---@param opts souk.RequestOptions|nil
---@return table[]|nil contents: {uri, mimeType, text or blob}
---@return souk.Error|nil
function Server:read(uri, opts) end

--- Wants to hear of changes: market:on("resource_updated", f). It holds over lost sessions. Returns at once: the next
--- event "listening" of the server says that the subscription is in force.
---@param uri string
---@return true|nil
---@return souk.Error|nil
function Server:subscribe(uri) end

---@param uri string
---@return true|nil
---@return souk.Error|nil
function Server:unsubscribe(uri) end

---@param opts souk.RequestOptions|nil
---@return table[]|nil
---@return souk.Error|nil
function Server:prompts(opts) end

---@param name string
---@param arguments table<string, string>|nil
---@param opts souk.CallOptions|nil
---@return table|nil {description, messages}
---@return souk.Error|nil
function Server:prompt(name, arguments, opts) end

--- Suggestions for an argument of a prompt ({prompt = name}) or of a resource template ({template = uri}).
---@param ref { prompt: string|nil, template: string|nil }
---@param argument string its name
---@param value string what was typed so far
---@param opts souk.CallOptions|{ arguments: table<string, string>|nil }|nil arguments: those that are chosen already
---@return table|nil {values, total, hasMore}
---@return souk.Error|nil
function Server:complete(ref, argument, value, opts) end

--- Holds for all sessions of the server from now on.
---@param level souk.LogLevel
---@return true|nil
---@return souk.Error|nil
function Server:log_level(level, opts) end

---@return true|nil
---@return souk.Error|nil
function Server:ping(opts) end

---@param method string
---@param params table|nil
---@param opts souk.CallOptions|nil
---@return any the whole result
---@return souk.Error|nil
function Server:request(method, params, opts) end

--- Starts a request and returns at once.
---@return souk.Handle|nil
---@return souk.Error|nil
function Server:start(method, params, opts) end

---@param method string "notifications/..."
---@param params table|nil
---@return true|nil
---@return souk.Error|nil
function Server:notify(method, params) end

--- Goes on with a task that a call became earlier.
---@param id string
---@param opts souk.CallOptions|nil
---@return souk.Handle|nil
---@return souk.Error|nil
function Server:task(id, opts) end

---@class souk.HeldSession
---@field server string
---@field id string shortened
---@field protocol string
---@field generation integer
local HeldSession = {}

--- Calls a capability of the server on this session. When the session was lost, or given back: kind "closed".
---@param id string
---@param input table|nil
---@param opts souk.CallOptions|nil
---@return any
---@return souk.Error|nil
function HeldSession:call(id, input, opts) end

---@param id string
---@param input table|nil
---@param opts souk.CallOptions|nil
---@return souk.Handle|nil
---@return souk.Error|nil
function HeldSession:start(id, input, opts) end

---@param method string
---@param params table|nil
---@param opts souk.CallOptions|nil
---@return any
---@return souk.Error|nil
function HeldSession:request(method, params, opts) end

--- Gives it back: it is closed, unless it has an affinity. Harmless when that was done already.
---@return boolean true
function HeldSession:close() end

---@class souk.Handle
local Handle = {}

---@return boolean
function Handle:done() end

---@param timeout number|nil
---@return any
---@return souk.Error|nil
function Handle:wait(timeout) end

function Handle:cancel() end

--- Id of the task that the server made of the call, with which souk.Server:task goes on in another process or later.
---@return string|nil
function Handle:task() end

---@param f fun(value: any, err: souk.Error|nil)
function Handle:on_done(f) end
