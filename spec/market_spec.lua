-- The marketplace without a server: its life, the registry, options, policy, and functions of the script.

local cjson = require "cjson"
local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails, raises = help.open, help.fails, help.raises

after_each(help.clean_up)

local text_schema = { type = "object", properties = { text = { type = "string" } }, required = { "text" } }

local function upper(input)
  return input.text:upper()
end

local function ids(list)
  local out = {}
  for i, manifest in ipairs(list) do
    out[i] = manifest.id
  end
  table.sort(out)
  return out
end

describe("the life of a market", function()
  it("ends with close, and a second close is a no-op", function()
    local market = open()
    assert.is_true(market:close())
    assert.is_true(market:close())
    assert.equal("souk.market (closed)", tostring(market))
  end)

  it("says what it holds as a string", function()
    local market = open()
    assert.equal("souk.market (0 capabilities, 0 sessions)", tostring(market))
    market:register { id = "a", handler = upper }
    assert.equal("souk.market (1 capabilities, 0 sessions)", tostring(market))
  end)

  it("names its type and hides its metatable", function()
    local market = open()
    assert.equal("userdata", type(market))
    assert.equal("string", type(getmetatable(market)))
    assert.equal("souk.market", debug.getmetatable(market).__name)
  end)

  for name, use in pairs {
    call = function(m) return m:call("a") end,
    start = function(m) return m:start("a") end,
    request = function(m) return m:request("a", "ping") end,
    register = function(m) return m:register { id = "a", handler = upper } end,
    get = function(m) return m:get "a" end,
    list = function(m) return m:list() end,
    remove = function(m) return m:remove "a" end,
    load = function(m) return m:load "spec/data" end,
    load_text = function(m) return m:load_text "()" end,
    export = function(m) return m:export "build/never" end,
    add_server = function(m) return m:add_server("a", { command = "true" }) end,
    refresh = function(m) return m:refresh "a" end,
    remove_server = function(m) return m:remove_server "a" end,
    handler = function(m) return m:handler("a", { open = print, call = print }) end,
    on = function(m) return m:on("*", print) end,
    step = function(m) return m:step() end,
    sessions = function(m) return m:sessions() end,
    stats = function(m) return m:stats() end,
  } do
    it("is over after close: " .. name .. " raises a clear error", function()
      local market = open()
      market:close()
      raises("souk%.market is closed", use, market)
    end)
  end

  local in_lua_5_4 = _VERSION == "Lua 5.4" and it or function() end

  in_lua_5_4("ends at the end of its scope", function()
    local script = [[
      local souk = ...
      local seen
      do
        local market <close> = souk.open { env = {} }
        seen = market
      end
      return tostring(seen)
    ]]
    assert.equal("souk.market (closed)", assert(load(script))(souk))
  end)

  it("wants a patience that is a time", function()
    local market = open()
    raises("number", market.close, market, "soon")
    raises("seconds", market.close, market, -1)
    raises("seconds", market.close, market, 0 / 0)
    assert.is_true(market:close(math.huge))
  end)

  it("leaves no session and no child behind when a market is forgotten, even by callbacks that know it", function()
    local server = servers.start "scripted"
    finally(function() server:stop() end)
    local child, spec = help.child "scripted"
    local function use_and_forget()
      local market = souk.open { env = {} }
      market:on("*", function() return market end)
      market:register { id = "own", handler = function() return tostring(market) end }
      assert(market:add_server("web", { url = server.url }))
      assert(market:add_server("child", child))
      assert.equal("hi", market:call("mcp.child.echo", { text = "hi" }))
    end
    use_and_forget()
    local pids = help.children "scripted.mjs --knobs {} --stdio"
    collectgarbage()
    collectgarbage()
    local ledger = server:ledger()
    assert.same({}, ledger.violations)
    assert.equal(1, #ledger.sessions.issued)
    assert.same(ledger.sessions.issued, ledger.sessions.deleted)
    assert.equal(1, #pids)
    assert.is_false(help.is_running(pids[1]))
    assert.same({}, spec.ledger().violations)
  end)

  it("knows which events there are", function()
    local market = open()
    raises("on: there is no event 'session_opend' %(did you mean 'session_opened'%?%)", market.on, market,
      "session_opend", print)
    raises("on: expected the name of an event, got nil", market.on, market, nil, print)
    raises("on: expected a function, got nil", market.on, market, "*")
  end)

  it("is collected when it was opened and never used", function()
    local seen = setmetatable({}, { __mode = "k" })
    for _ = 1, 10 do
      seen[souk.open {}] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(seen))
  end)
end)

describe("options of souk.open", function()
  local core = require "souk.core"

  it("that do not exist are refused by name, with the nearest that does", function()
    raises("souk%.open: unknown option 'call_timeuot' %(did you mean 'call_timeout'%?%)", souk.open,
      { call_timeuot = 1 })
    raises("souk%.open: unknown option 'hots' %(did you mean 'host'%?%)", souk.open, { hots = "blocking" })
    raises("souk%.open: unknown option 'utterly_different'$", souk.open, { utterly_different = 1 })
    raises("souk%.open: unknown option '1'", souk.open, { true })
  end)

  it("must be a table, or absent", function()
    raises("expected a table of options, got string", souk.open, "fast")
    assert(souk.open()):close()
  end)

  for name, option in pairs(core.option_names) do
    if option.default then
      it(("'%s' is a number within its range"):format(name), function()
        raises("option '" .. name .. "'", souk.open, { [name] = "many" })
        raises("option '" .. name .. "'", souk.open, { [name] = option.least - 1 })
        raises("option '" .. name .. "'", souk.open, { [name] = option.most + 1 })
        raises("option '" .. name .. "'", souk.open, { [name] = 0 / 0 })
        open { [name] = option.least }
        open { [name] = option.most }
        assert.is_string(option.meaning)
      end)
    end
  end

  it("with a range say it", function()
    raises("option 'max_sessions': expected sessions from 1 to 32767", souk.open, { max_sessions = 0 })
    raises("option 'idle_timeout': expected seconds from 1 to 86400", souk.open, { idle_timeout = 0.5 })
    raises("option 'max_calls'", souk.open, { max_calls = 1.5 })
  end)

  it("of other types are checked, too", function()
    raises("option 'validate': expected true or false", souk.open, { validate = 1 })
    raises("option 'env': expected a table", souk.open, { env = "HOME" })
    raises("option 'env': expected names and values that are strings", souk.open, { env = { HOME = 1 } })
    raises("option 'clock': expected a function", souk.open, { clock = 12 })
    raises("option 'clock': the function must return seconds", souk.open, { clock = function() end })
    raises("option 'on_error': expected function", souk.open, { on_error = "print" })
    raises("option 'host': no host 'uvloop'", souk.open, { host = "uvloop" })
    raises("option 'policy': expected a table", souk.open, { policy = "none" })
    raises("option 'policy': unknown member 'alow' %(there are: allow, deny, restrictive%)", souk.open,
      { policy = { alow = {} } })
    raises("option 'policy.deny': expected a list", souk.open, { policy = { deny = "*" } })
    raises("option 'policy.allow': expected a list of strings", souk.open, { policy = { allow = { 1 } } })
    raises("option 'restrictive': expected true or false", souk.open, { policy = { restrictive = "yes" } })
  end)

  it("tell every default, limit, unit and meaning", function()
    assert.equal(60, core.option_names.call_timeout.default)
    assert.equal("seconds", core.option_names.call_timeout.unit)
    assert.equal(8, core.option_names.max_sessions_per_key.default)
    assert.is_string(core.option_names.policy.meaning)
  end)
end)

describe("the registry", function()
  it("gives back what was registered, with flat metadata and defaults", function()
    local market = open()
    assert(market:register {
      id = "mcp.forge.list_issues", name = "list_issues", version = "2.1.0", description = "All of them.",
      provider = "MCP", permissions = { "network.http" }, effects = { "network_request" }, domains = { "forge" },
      categories = { "crud.read" }, language = "rtfs", annotations = { readOnlyHint = true },
      input_schema = text_schema, output_schema = true,
      metadata = { mcp = { server_url = "https://forge.example/mcp", ["requires-session"] = "auto", retries = 3 },
        [":discovery"] = { tags = souk.array { "a", "b" }, live = true } },
    })
    local got = market:get "mcp.forge.list_issues"
    assert.equal("list_issues", got.name)
    assert.equal("2.1.0", got.version)
    assert.equal("All of them.", got.description)
    assert.equal("MCP", got.provider)
    assert.equal("mcp", got.provider_kind)
    assert.same({ "network.http" }, got.permissions)
    assert.same({ "network_request" }, got.effects)
    assert.same({ "forge" }, got.domains)
    assert.same({ "crud.read" }, got.categories)
    assert.equal("rtfs", got.language)
    assert.same({ readOnlyHint = true }, got.annotations)
    assert.same(text_schema, got.input_schema)
    assert.is_true(got.output_schema)
    assert.same({
      mcp_server_url = "https://forge.example/mcp", mcp_requires_session = "auto", mcp_retries = "3",
      discovery_tags = '["a","b"]', discovery_live = "true",
    }, got.metadata)
    assert.equal(3, got.metadata_nested.mcp.retries)
  end)

  it("fills in what was left out", function()
    local market = open()
    market:register { id = "plain", handler = upper }
    local got = market:get "plain"
    assert.equal("plain", got.name)
    assert.equal("1.0.0", got.version)
    assert.equal("lua", got.provider)
    assert.same({}, got.permissions)
    assert.same({}, got.metadata)
  end)

  it("replaces a capability of the same id, function and all", function()
    local market = open()
    market:register { id = "a", description = "old", handler = function() return "old" end }
    market:register { id = "a", description = "new", handler = function() return "new" end }
    assert.equal("new", market:get("a").description)
    assert.equal("new", market:call("a"))
    assert.equal(1, #market:list())
    market:register { id = "a" }
    fails("config", "capability 'a' has no function in this program", market:call("a"))
  end)

  it("forgets what was removed, its function too", function()
    local market = open()
    market:register { id = "a", handler = upper }
    assert.is_true(market:remove "a")
    assert.is_false(market:remove "a")
    assert.is_nil(market:get "a")
    fails("config", "there is no capability 'a'", market:call("a"))
    assert.equal(1, market:load_text '(capability "a" :name "a")')
    fails("config", "has no function", market:call("a"))
  end)

  it("tells the nearest member when a manifest has one that does not exist", function()
    local market = open()
    fails("config", "inputschema.*input_schema", market:register { id = "a", inputschema = {} })
    fails("config", "id", market:register { name = "nobody" })
    fails("config", "id", market:register { id = "" })
    fails("config", "id", market:register { id = "a\nb" })
    fails("config", "permissions", market:register { id = "a", permissions = { 1 } })
    raises("register: expected a table, got nil", market.register, market)
    raises("register: handler: expected a function, got string", market.register, market, { id = "a", handler = "f" })
    raises("string expected", market.get, market, 1)
    raises("string expected", market.remove, market, nil)
  end)

  it("is bounded", function()
    local market = open { max_capabilities = 2 }
    assert(market:register { id = "a", handler = upper })
    assert(market:register { id = "b", handler = upper })
    assert(market:register { id = "b", handler = upper })
    fails("limit", "max_capabilities", market:register { id = "c", handler = upper })
  end)

  describe("list", function()
    local market

    before_each(function()
      market = open()
      market:register { id = "text.upper", handler = upper, permissions = { "none" }, categories = { "text.case" } }
      market:register { id = "text.lower", handler = upper, effects = { "pure" }, domains = { "text" } }
      market:register { id = "mcp.a.x", provider = "MCP", permissions = { "network.http" }, effects = { ":pure" } }
      market:register { id = "mcp.b.x", provider = { type = "mcp" }, permissions = { ":network.http" } }
    end)

    it("gives everything in the order of registration", function()
      local list = market:list()
      assert.equal("text.upper", list[1].id)
      assert.equal("mcp.b.x", list[4].id)
      assert.equal(4, #list)
    end)

    it("finds by every field of a query, and by several at once", function()
      assert.same({ "text.lower", "text.upper" }, ids(market:list { match = "text.*" }))
      assert.same({ "mcp.a.x", "mcp.b.x" }, ids(market:list { match = "mcp.?.x" }))
      assert.same({}, market:list { match = "text" })
      assert.same({ "mcp.a.x", "mcp.b.x" }, ids(market:list { provider = "mcp" }))
      assert.same({ "mcp.a.x", "mcp.b.x" }, ids(market:list { permission = "network.http" }))
      assert.same({ "mcp.a.x", "text.lower" }, ids(market:list { effect = "pure" }))
      assert.same({ "text.lower" }, ids(market:list { domain = "text" }))
      assert.same({ "text.upper" }, ids(market:list { category = "text.case" }))
      assert.same({}, market:list { server = "a" })
      assert.same({ "mcp.a.x" }, ids(market:list { provider = "MCP", effect = "pure" }))
      assert.equal(3, #market:list { limit = 3 })
    end)

    it("refuses a field that does not exist, and wrong types", function()
      raises("list: unknown option 'macth' %(there are: match, provider", market.list, market, { macth = "*" })
      raises("list: option 'match': expected a string, got number", market.list, market, { match = 1 })
      raises("limit", market.list, market, { limit = -1 })
      raises("table expected", market.list, market, "*")
    end)
  end)
end)

describe("a policy", function()
  local function market_with(policy)
    local market = open { policy = policy }
    for _, id in ipairs { "text.upper", "text.lower", "files.delete" } do
      market:register { id = id, handler = function() return "ran" end }
    end
    return market
  end

  it("denies by a glob that is anchored at both ends", function()
    local market = market_with { deny = { "files.*", "upper" } }
    local err = fails("policy", "'files.delete' is denied by the rule 'files.%*'", market:call("files.delete"))
    assert.equal("not_sent", err.delivery)
    assert.equal("files.delete", err.capability)
    assert.equal("ran", market:call("text.upper"))
  end)

  it("allows only what matches, once anything is allowed", function()
    local market = market_with { allow = { "text.*" } }
    assert.equal("ran", market:call("text.upper"))
    fails("policy", "no rule allows capability 'files.delete'", market:call("files.delete"))
  end)

  it("lets deny win over allow", function()
    local market = market_with { allow = { "*" }, deny = { "text.lower" } }
    assert.equal("ran", market:call("text.upper"))
    fails("policy", "denied", market:call("text.lower"))
  end)

  it("that is restrictive allows nothing by itself", function()
    local market = market_with { restrictive = true }
    fails("policy", "no rule allows", market:call("text.upper"))
    fails("policy", "no rule allows", market:start("text.upper"))
  end)
end)

describe("a function of the script", function()
  local market

  before_each(function()
    market = open()
  end)

  local function own(f, fields)
    local manifest = { id = "own", handler = f }
    for key, value in pairs(fields or {}) do
      manifest[key] = value
    end
    assert(market:register(manifest))
  end

  it("gets the input and the options, and gives the result as it is", function()
    own(function(input, opts) return { input = input, opts = opts, f = print } end)
    local input, opts = { what_json_has_not = print, self = own }, { timeout = 3 }
    local result = market:call("own", input, opts)
    assert.equal(input, result.input)
    assert.equal(opts, result.opts)
    assert.equal(print, result.f)
  end)

  it("gets an empty table when there is no input", function()
    own(function(input) return input end)
    assert.same({}, market:call "own")
  end)

  it("that returns nothing has the result null, and false is a result", function()
    own(function() end)
    assert.equal(souk.null, market:call "own")
    own(function() return false end)
    assert.is_false(market:call "own")
  end)

  it("that raises fails as a tool does, wherever a string or something else was raised", function()
    own(function() error("boom", 0) end)
    local err = fails("tool", "^boom$", market:call "own")
    assert.equal("own", err.capability)
    assert.equal("delivered", err.delivery)
    assert.is_false(err.retryable)
    assert.equal("own: tool: boom (delivery delivered)", tostring(err))
    own(function() error("with a place") end)
    fails("tool", "market_spec%.lua:%d+: with a place", market:call "own")
    own(function() error() end)
    fails("tool", "nil", market:call "own")
    own(function() error {} end)
    fails("tool", "table", market:call "own")
  end)

  it("may return nil and a message, or nil and an error", function()
    own(function() return nil, "not today" end)
    fails("tool", "^not today$", market:call "own")
    own(function() return nil, { kind = "limit", message = "too many", code = 7, data = { 1 } } end)
    local err = fails("limit", "^too many$", market:call "own")
    assert.equal(7, err.code)
    assert.same({ 1 }, err.data)
    assert.equal("own: limit: too many (code 7, delivery delivered)", tostring(err))
    own(function() return nil, { kind = "no such kind", message = "hm" } end)
    fails("tool", "hm", market:call "own")
  end)

  it("passes errors of its own calls on as they are", function()
    market:register { id = "inner", handler = function() return nil, { kind = "auth", message = "who are you?" } end }
    own(function()
      return market:call "inner"
    end)
    local err = fails("auth", "who are you", market:call "own")
    assert.equal("inner", err.capability)
    own(function()
      error(select(2, market:call "inner"))
    end)
    assert.equal("inner", fails("auth", "who are you", market:call "own").capability)
  end)

  it("is not called with an input that does not fit its schema", function()
    local calls = 0
    own(function(input) calls = calls + 1 return input.text end, { input_schema = text_schema })
    local err = fails("schema", "text", market:call("own", {}))
    assert.equal("not_sent", err.delivery)
    assert.equal("own", err.capability)
    fails("schema", "/text: expected string", market:call("own", { text = 1 }))
    assert.equal(0, calls)
    assert.equal("x", market:call("own", { text = "x" }))
    assert.equal(1, market:call("own", { text = 1 }, { validate = false }))
  end)

  it("has its result checked against the output schema", function()
    own(function(input) return input.n end, { output_schema = { type = "integer", minimum = 1 } })
    assert.equal(3, market:call("own", { n = 3 }))
    local err = fails("schema", "output of 'own'", market:call("own", { n = 0 }))
    assert.equal("own", err.capability)
    assert.equal(0, market:call("own", { n = 0 }, { validate = false }))
    assert.equal(0, market:call("own", { n = 0 }, { raw = true }))
    own(function() return print end, { output_schema = { type = "integer" } })
    fails("schema", "output of 'own': cannot encode a function", market:call("own", {}))
  end)

  it("is checked by no schema when the market does not validate", function()
    market = open { validate = false }
    own(function(input) return input.text end, { input_schema = text_schema, output_schema = { type = "string" } })
    assert.equal(1, market:call("own", { text = 1 }))
  end)

  it("takes an empty table for a list where the schema says so", function()
    own(function(input) return #input.list end, {
      input_schema = { type = "object", properties = { list = { type = "array" } } },
    })
    assert.equal(0, market:call("own", { list = {} }))
    fails("schema", "/list", market:call("own", { list = { a = 1 } }))
  end)

  it("cannot be given what JSON cannot say when it has a schema", function()
    own(function() end, { input_schema = text_schema })
    local cycle = { text = "x" }
    cycle.again = cycle
    fails("limit", "nested deeper than 128 %(in a cycle%?%)", market:call("own", cycle))
    fails("schema", "/text", market:call("own", { text = 0 / 0 }))
    fails("schema", "/text", market:call("own", { text = "\255" }))
  end)

  it("wants options of a call that exist and fit", function()
    own(upper)
    local known = "timeout, identity, raw, resend, validate, on_progress, cap, trace, affinity, session, "
      .. "cancel_on_abort"
    raises("call: unknown option 'timeuot' %(there are: " .. known .. "%)", market.call, market, "own", {},
      { timeuot = 1 })
    raises("call: option 'timeout': expected a number of seconds, got string", market.call, market, "own", {},
      { timeout = "1" })
    raises("call: option 'timeout'", market.call, market, "own", {}, { timeout = 0 })
    raises("call: option 'timeout'", market.call, market, "own", {}, { timeout = -1 })
    raises("call: option 'raw': expected true or false, got number", market.call, market, "own", {}, { raw = 1 })
    raises("call: option 'identity': expected a string", market.call, market, "own", {}, { identity = {} })
    raises("expected a table of options, got number", market.call, market, "own", {}, 3)
    raises("call: expected the id of a capability, got nil", market.call, market, nil)
  end)
end)

describe("values that JSON has and Lua has not", function()
  it("are the same null as cjson's", function()
    assert.equal(cjson.null, souk.null)
    assert.equal(souk.null, souk.json.decode "null")
    assert.equal('{"a":null}', souk.json.encode { a = cjson.null })
  end)

  it("come back from a function as they went in", function()
    local market = open()
    market:register { id = "same", input_schema = { type = "object" }, output_schema = { type = "object" },
      handler = function(input) return input end }
    local input = { null = souk.null, empty = souk.array {}, list = { 1, souk.null, 3 } }
    assert.equal(input, market:call("same", input))
    assert.equal("[]", souk.json.encode(souk.array()))
    assert.equal("[]", souk.json.encode(souk.json.decode "[]"))
    assert.equal("{}", souk.json.encode(souk.json.decode "{}"))
  end)
end)
