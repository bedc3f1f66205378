-- A server of 2026-07-28 that stands on the official packages (spec/server/modern.mjs), with all that they can:
-- questions in rounds, progress, log messages, listening, resources, prompts, cache hints. Plain calls are in
-- peers_spec.lua.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local fails = help.fails

after_each(help.clean_up)
teardown(help.stop_servers)

-- The words of add_server, and the server over HTTP, which lives as long as somebody has it.
local function start(where)
  if where == "stdio" then
    return (help.child "modern")
  end
  local server = servers.start("modern", { answer = where:match "answering as (%a+)" })
  return { url = server.url }, server
end

local function modern(where)
  local market, server, peer
  local handlers = {} -- of this spec: elicitation, sampling, roots
  local asked = { elicitation = {}, sampling = {}, roots = {} }
  local events = {}   -- name -> list
  local errors = {}   -- what on_error was given

  local function handler(name)
    return function(request)
      table.insert(asked[name], request)
      return handlers[name](request)
    end
  end

  local function heard(name)
    events[name] = events[name] or {}
    return events[name]
  end

  local function step_until(done)
    help.step_until(market, done)
  end

  local function call(tool, input, options)
    return market:call("mcp.m." .. tool, input or {}, options)
  end

  setup(function()
    market = souk.open {
      env = { PATH = os.getenv "PATH" },
      elicitation = handler "elicitation", sampling = handler "sampling", roots = handler "roots",
      on_error = function(message) errors[#errors + 1] = tostring(message) end,
    }
    market:on("*", function(event)
      table.insert(heard(event.name), event)
    end)
    local options
    options, peer = start(where)
    options.log_level = "info"
    local tools, diagnostics = market:add_server("m", options)
    assert(tools, diagnostics)
    server = market:server "m"
  end)

  teardown(function()
    market:close()
    if peer then
      peer:stop()
    end
  end)

  it("says what it is", function()
    local info = assert(server:info())
    assert.equal("modern", info.era)
    assert.equal("2026-07-28", info.protocol)
    assert.equal(where:match "^%a+", info.transport)
    assert.equal("souk-modern", info.name)
    assert.is_true(info.capabilities.resources.subscribe)
    assert.is_true(server:ping())
    assert.equal(#market:list { server = "m" }, #server:tools())
  end)

  it("asks for a form in a round of its own", function()
    handlers.elicitation = function() return { name = "Ann" } end
    assert.same({ kind = "elicit", action = "accept", content = { name = "Ann", age = 30, color = "green" } },
      call "ask_form")
    local request = asked.elicitation[#asked.elicitation]
    assert.equal("mcp.m.ask_form", request.capability)
    assert.equal("form", request.mode)
    assert.equal("Who are you?", request.message)
    handlers.elicitation = function() return "decline" end
    assert.same({ kind = "elicit", action = "decline" }, call "ask_form")
    handlers.elicitation = function() return "cancel" end
    assert.same({ kind = "elicit", action = "cancel" }, call "ask_form")
  end)

  it("asks twice, and keeps what it knows in a state that souk gives back", function()
    local names = { "Ann", "Bob" }
    handlers.elicitation = function() return { name = table.remove(names, 1) } end
    assert.same({ "Ann", "Bob" }, call "ask_twice")
  end)

  it("waits for an answer while other calls go on", function()
    handlers.elicitation = function() return souk.later end
    local count = #asked.elicitation
    local handle = assert(market:start("mcp.m.ask_form", {}))
    step_until(function() return #asked.elicitation > count end)
    assert.equal("meanwhile", call("echo", { text = "meanwhile" }))
    assert.is_false(handle:done())
    assert.is_true(asked.elicitation[count + 1].respond { name = "Late" })
    assert.equal("Late", assert(handle:wait(30)).content.name)
  end)

  it("hears nothing of an answer that does not fit; the call fails", function()
    handlers.elicitation = function() return { name = "Ann", color = "blue" } end
    local before = #errors
    local _, err = call "ask_form"
    assert.truthy(tostring(err):find "/color")
    assert.equal(before + 1, #errors)
    assert.truthy(errors[#errors]:find "/color")
  end)

  it("asks for a visit to a URL", function()
    handlers.elicitation = function() return true end
    assert.same({ kind = "elicit", action = "accept" }, call "ask_url")
    local request = asked.elicitation[#asked.elicitation]
    assert.equal("url", request.mode)
    assert.equal("https://souk.example/sign-in", request.url)
    assert.equal("Please sign in.", request.message)
  end)

  it("asks a language model, and for roots", function()
    handlers.sampling = function(request)
      return { model = "souk-model", content = request.params.maxTokens .. " tokens are enough: Paris" }
    end
    local sampled = assert(call "ask_sample")
    assert.equal("sampling", sampled.kind)
    assert.equal("50 tokens are enough: Paris", sampled.result.content.text)
    handlers.roots = function() return { "/srv/one two" } end
    local roots = assert(call "ask_roots")
    assert.equal("roots", roots.kind)
    assert.same({ { uri = "file:///srv/one%20two" } }, roots.roots)
    handlers.sampling = function() return nil, "the user does not want that" end
    local _, err = call "ask_sample"
    assert.truthy(tostring(err):find "the user does not want that")
  end)

  it("asks before it gives a prompt, too", function()
    handlers.elicitation = function() return { name = "Ann", age = 7 } end
    local prompt = assert(server:prompt "ask")
    assert.truthy(prompt.messages[1].content.text:find('"age":7', 1, true))
  end)

  it("reports progress, and logs when that is wanted", function()
    local seen, logged = {}, #heard "log"
    assert.equal("worked 3 steps", call("work", { steps = 3 }, {
      on_progress = function(progress) seen[#seen + 1] = progress end,
    }))
    assert.same({ progress = 1, total = 3, message = "step 1" }, seen[1])
    assert.same({ progress = 3, total = 3, message = "step 3" }, seen[3])
    assert.equal(3, #seen)
    step_until(function() return #heard "log" == logged + 3 end)
    local event = heard("log")[logged + 1]
    assert.equal("info", event.level)
    assert.equal("work", event.logger)
    assert.same({ progress = 1 }, event.data)
    assert.is_true(server:log_level "error")
    assert.equal("worked 2 steps", call("work", { steps = 2 }))
    assert.equal(logged + 3, #heard "log")
    assert.is_true(server:log_level "info")
  end)

  it("is given up, and serves the next call", function()
    local handle = assert(market:start("mcp.m.work", { steps = 400 }))
    handle:wait(0.03)
    handle:cancel()
    fails("cancelled", "", handle:wait())
    fails("timeout", "", call("work", { steps = 400 }, { timeout = 0.05 }))
    assert.equal("still here", call("echo", { text = "still here" }))
  end)

  it("has resources, templates and prompts, and completes their arguments", function()
    assert.equal("souk://readme", assert(server:resources())[1].uri)
    assert.equal("version 0", assert(server:read "souk://readme")[1].text)
    assert.equal('{"name":"ann"}', assert(server:read "souk://users/ann")[1].text)
    assert.equal(-32602, fails("rpc", "not found", server:read "souk://nowhere").code)
    local template = assert(server:resource_templates())[1].uriTemplate
    assert.equal("souk://users/{name}", template)
    assert.same({ "ann", "anton" }, assert(server:complete({ template = template }, "name", "an")).values)
    assert.equal(2, #assert(server:prompts()))
    local prompt = assert(server:prompt("review", { style = "bold" }))
    assert.equal("Review it, bold.", prompt.messages[1].content.text)
    assert.same({ "brief", "bold" }, assert(server:complete({ prompt = "review" }, "style", "b")).values)
  end)

  it("is listened to: resources that are subscribed to, and lists", function()
    step_until(function() return #heard "listening" > 0 end)
    local count, updated = #heard "listening", heard "resource_updated"
    assert.is_true(server:subscribe "souk://readme")
    step_until(function() return #heard "listening" > count end)
    -- The server allows to keep it for a minute: only the news of the change makes souk ask again.
    local before = assert(server:read "souk://readme")[1].text
    local calls = market:stats().calls
    assert.equal(before, assert(server:read "souk://readme")[1].text)
    assert.equal(calls, market:stats().calls)
    assert.equal(before, assert(server:read("souk://readme", { fresh = true }))[1].text)
    assert.is_true(market:stats().calls > calls)
    assert.equal("touched", call("touch", { uri = "souk://readme" }))
    step_until(function() return #updated > 0 end)
    assert.equal("souk://readme", updated[1].uri)
    assert.equal("m", updated[1].server)
    assert.not_equal(before, assert(server:read "souk://readme")[1].text)
    assert.equal("touched", call("touch", { uri = "souk://users/ann" }))
    count = #heard "listening"
    assert.is_true(server:unsubscribe "souk://readme")
    step_until(function() return #heard "listening" > count end)
    assert.equal("touched", call("touch", { uri = "souk://readme" }))
    assert.equal(1, #updated)
  end)

  it("has a new tool, which souk learns of by itself", function()
    assert.equal("added", call("add_tool", { name = "brand_new" }))
    step_until(function() return market:get "mcp.m.brand_new" end)
    assert.equal("I am brand_new", call "brand_new")
    assert.is_true(#heard "tools_changed" > 0)
    step_until(function() return #heard "tools_refreshed" > 0 end)
    assert.same({}, heard("tools_refreshed")[1].diagnostics)
  end)

  it("needs one relation for all of this", function()
    assert.equal(1, #market:sessions())
    assert.same({}, heard "session_lost")
    assert.same({}, heard "listening_failed")
  end)
end

-- Over HTTP the package answers as JSON unless something comes before the result; or always as an event stream.
for _, where in ipairs { "http", "http, answering as sse", "stdio" } do
  describe("a server on the official packages over " .. where, function()
    modern(where)
  end)
end

-- The same server for clients of before: what it wants to know it then asks in requests of its own.
describe("a server on the official packages, spoken to in 2025-11-25", function()
  it("asks for everything by requests", function()
    local seen = {}
    local where = help.child("modern", { legacy = "stateless" })
    where.protocol_version = "2025-11-25"
    local market = help.open {
      env = { PATH = os.getenv "PATH" },
      elicitation = function(request)
        seen[#seen + 1] = request
        return request.mode == "url" and "accept" or { name = "Ann" .. #seen }
      end,
      sampling = function() return { model = "souk-model", content = "Paris" } end,
      roots = { "/srv/one" },
    }
    assert(market:add_server("old", where))
    assert.equal("2025-11-25", market:server("old"):info().protocol)
    assert.same({ kind = "elicit", action = "accept", content = { name = "Ann1", age = 30, color = "green" } },
      market:call("mcp.old.ask_form", {}))
    assert.equal("accept", assert(market:call("mcp.old.ask_url", {})).action)
    assert.equal("https://souk.example/sign-in", seen[2].url)
    assert.same({ "Ann3", "Ann4" }, market:call("mcp.old.ask_twice", {}))
    assert.equal("Paris", assert(market:call("mcp.old.ask_sample", {})).result.content.text)
    assert.same({ { uri = "file:///srv/one" } }, assert(market:call("mcp.old.ask_roots", {})).roots)
  end)
end)
