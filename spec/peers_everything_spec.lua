-- server-everything, the reference server, with all that it offers beside its plain tools (peers_spec.lua has those):
-- over stdio, over Streamable HTTP, and over HTTP+SSE of 2024-11-05, which souk has to find out by itself.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local fails = help.fails

local TEXT = "demo://resource/dynamic/text/%d"

local TRANSPORTS = {
  stdio = function() return (help.child "everything") end,
  http = function()
    local server = servers.start "everything"
    return { url = server.url }, server
  end,
  sse = function()
    local server = servers.start("everything", { transport = "sse" })
    return { url = server.url }, server
  end,
}

after_each(help.clean_up)
teardown(help.stop_servers)

-- What the server was answered, as one of its tools tells it.
local function told(result)
  return assert(souk.json.decode(result[#result].text:match "Raw result: (.*)"))
end

local function everything(transport)
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
    return market:call("mcp.e." .. tool, input or {}, options)
  end

  -- Whether a log message with this text in it was heard.
  local function is_logged(text)
    for _, event in ipairs(heard "log") do
      if tostring(event.data):find(text, 1, true) then
        return true
      end
    end
    return false
  end

  setup(function()
    handlers.roots = function() return { "/srv/one", { uri = "file:///srv/two", name = "Second" } } end
    market = souk.open {
      env = { PATH = os.getenv "PATH" },
      elicitation = handler "elicitation", sampling = handler "sampling", roots = handler "roots",
      on_error = function(message) errors[#errors + 1] = tostring(message) end,
    }
    market:on("*", function(event)
      table.insert(heard(event.name), event)
    end)
    local where
    where, peer = TRANSPORTS[transport]()
    where.log_level = "debug"
    local tools, diagnostics = market:add_server("e", where)
    assert(tools, diagnostics)
    server = market:server "e"
  end)

  teardown(function()
    market:close()
  end)

  it("says what it is", function()
    local info = assert(server:info())
    assert.equal("legacy", info.era)
    assert.equal(transport, info.transport)
    assert.equal(info.protocol, market:sessions()[1].protocol)
    assert.equal("mcp-servers/everything", info.name)
    assert.equal("2.0.0", info.version)
    assert.equal("Everything Reference Server", info.title)
    assert.truthy(info.instructions:find "Everything Server")
    assert.is_true(info.capabilities.resources.subscribe)
    assert.is_true(server:ping())
  end)

  it("offers the tools that ask, because souk says that it can answer", function()
    step_until(function() return market:get "mcp.e.trigger-url-elicitation" end)
    for _, tool in ipairs { "get-roots-list", "trigger-elicitation-request", "trigger-sampling-request" } do
      assert.is_table(market:get("mcp.e." .. tool), tool)
    end
    assert.is_nil(market:get "mcp.e.trigger-elicitation-request-async")
    assert.equal(#market:list { server = "e" }, #server:tools())
  end)

  describe("elicitation", function()
    it("of a form is answered with the defaults of what was left out", function()
      handlers.elicitation = function() return { name = "Ann", email = "ann@souk.example", check = false } end
      local result = assert(call "trigger-elicitation-request")
      assert.same({
        action = "accept",
        content = {
          name = "Ann", email = "ann@souk.example", check = false, firstLine = "It was a dark and stormy night.",
          integer = 42, number = 3.14, untitledSingleSelectEnum = "Monica", untitledMultipleSelectEnum = { "Guitar" },
          titledSingleSelectEnum = "hero-1", titledMultipleSelectEnum = { "fish-1" }, legacyTitledEnum = "pet-1",
        },
      }, told(result))
      local request = asked.elicitation[#asked.elicitation]
      assert.equal("form", request.mode)
      assert.equal("e", request.server)
      assert.equal("Please provide inputs for the following fields:", request.message)
      assert.same({ "name" }, request.schema.required)
      -- Where all answers come by one stream, nobody says which call it is that asks.
      assert.equal(transport == "http" and "mcp.e.trigger-elicitation-request" or nil, request.capability)
    end)

    it("is declined, or cancelled", function()
      handlers.elicitation = function() return "decline" end
      assert.same({ action = "decline" }, told(assert(call "trigger-elicitation-request")))
      handlers.elicitation = function() return "cancel" end
      assert.same({ action = "cancel" }, told(assert(call "trigger-elicitation-request")))
    end)

    it("that is answered with what does not fit is an error for the server, and a report", function()
      handlers.elicitation = function() return { name = "Ann", integer = 101 } end
      local before = #errors
      fails("tool", "%-32603: the content of the form: /integer", call "trigger-elicitation-request")
      assert.equal(before + 1, #errors)
      assert.truthy(errors[#errors]:find "/integer")
    end)

    it("may be answered later, while other calls go on", function()
      handlers.elicitation = function() return souk.later end
      local count = #asked.elicitation
      local handle = assert(market:start("mcp.e.trigger-elicitation-request", {}))
      step_until(function() return #asked.elicitation > count end)
      assert.equal("Echo: meanwhile", call("echo", { message = "meanwhile" }))
      assert.is_false(handle:done())
      assert.is_true(asked.elicitation[count + 1].respond { name = "Late" })
      assert.equal("Late", told(assert(handle:wait(30))).content.name)
    end)

    it("asks for a visit to a URL", function()
      handlers.elicitation = function() return true end
      local input = { url = "https://souk.example/sign-in", message = "Please sign in.", elicitationId = "id-1" }
      assert.same({ action = "accept" }, told(assert(call("trigger-url-elicitation", input))))
      local request = asked.elicitation[#asked.elicitation]
      assert.equal("url", request.mode)
      assert.equal("https://souk.example/sign-in", request.url)
      assert.equal("Please sign in.", request.message)
      assert.equal("id-1", request.elicitation_id)
      handlers.elicitation = function() return "decline" end
      assert.same({ action = "decline" }, told(assert(call("trigger-url-elicitation", input))))
    end)

    it("never shows a URL that is none of the web's", function()
      handlers.elicitation = function() return true end
      local count = #asked.elicitation
      local input = { url = "file:///etc/passwd", message = "Look." }
      assert.same({ action = "decline" }, told(assert(call("trigger-url-elicitation", input))))
      assert.equal(count, #asked.elicitation)
    end)
  end)

  it("asks a language model", function()
    handlers.sampling = function() return { model = "souk-model", content = "Paris", stopReason = "endTurn" } end
    local text = assert(call("trigger-sampling-request", { prompt = "The capital of France?", maxTokens = 20 }))
    assert.same({
      role = "assistant", model = "souk-model", stopReason = "endTurn", content = { type = "text", text = "Paris" },
    }, souk.json.decode(text:match "{.*"))
    local params = asked.sampling[#asked.sampling].params
    assert.equal(20, params.maxTokens)
    assert.truthy(params.messages[1].content.text:find "The capital of France%?")
    handlers.sampling = function() return nil, "the user does not want that" end
    fails("tool", "error %-1: the user does not want that", call("trigger-sampling-request", { prompt = "?" }))
  end)

  it("asks for roots by itself, and again when they have changed", function()
    step_until(function() return is_logged "Roots updated: 2 root(s)" end)
    local list = assert(call "get-roots-list")
    assert.truthy(list:find("URI: file:///srv/one", 1, true))
    assert.truthy(list:find("2. Second\n   URI: file:///srv/two", 1, true))
    handlers.roots = function() return {} end
    assert.is_true(server:notify "notifications/roots/list_changed")
    step_until(function() return is_logged "Roots updated: 0 root(s)" end)
    handlers.roots = function() return { "/srv/white space" } end
    assert.is_true(server:notify "notifications/roots/list_changed")
    step_until(function() return is_logged "Roots updated: 1 root(s)" end)
    assert.truthy(assert(call "get-roots-list"):find("URI: file:///srv/white%20space", 1, true))
  end)

  describe("a long call", function()
    local LONG = "trigger-long-running-operation"

    -- Node closes a connection that was idle for five seconds, and a call that changes something is not sent again
    -- when it meets that moment. A ping is, and leaves a connection that is fresh.
    before_each(function()
      assert(server:ping())
    end)

    it("reports its progress, which moves its deadline", function()
      local seen = {}
      local text = assert(call(LONG, { duration = 2.8, steps = 4 }, {
        timeout = 2, on_progress = function(progress) seen[#seen + 1] = progress end,
      }))
      assert.truthy(text:find "completed")
      assert.equal(4, #seen)
      assert.same({ progress = 1, total = 4 }, seen[1])
      assert.same({ progress = 4, total = 4 }, seen[4])
    end)

    it("goes on no longer than its cap", function()
      local err = fails("timeout", "", call(LONG, { duration = 2, steps = 40 }, {
        timeout = 0.3, cap = 0.4, on_progress = function() end,
      }))
      assert.equal("ambiguous", err.delivery)
    end)

    it("is cancelled, and nothing is heard of it any more", function()
      local count = 0
      local handle = assert(market:start("mcp.e." .. LONG, { duration = 20, steps = 400 }, {
        on_progress = function() count = count + 1 end,
      }))
      step_until(function() return count > 0 end)
      handle:cancel()
      fails("cancelled", "", handle:wait())
      local at_end = count
      assert(call(LONG, { duration = 0.1, steps = 1 }))
      assert.equal(at_end, count)
    end)
  end)

  describe("resources", function()
    it("are listed and read", function()
      local listed = assert(server:resources())
      assert.is_true(#listed >= 7)
      assert.truthy(listed[1].uri:find "^demo://resource/static/document/")
      assert.truthy(#assert(server:read(listed[1].uri))[1].text > 0)
      local text = assert(server:read(TEXT:format(7)))
      assert.equal(TEXT:format(7), text[1].uri)
      assert.equal("text/plain", text[1].mimeType)
      assert.truthy(text[1].text:find "^Resource 7: ")
      assert.is_string(assert(server:read "demo://resource/dynamic/blob/7")[1].blob)
      assert.equal(-32602, fails("rpc", "not found", server:read "demo://nowhere").code)
    end)

    it("have templates, whose variables are completed", function()
      local templates = assert(server:resource_templates())
      assert.equal(2, #templates)
      local uri = templates[1].uriTemplate
      assert.equal("demo://resource/dynamic/text/{resourceId}", uri)
      assert.same({ "7" }, assert(server:complete({ template = uri }, "resourceId", "7")).values)
      assert.same({}, assert(server:complete({ template = uri }, "resourceId", "x")).values)
    end)

    it("are told of when they have changed, as long as somebody subscribes to them", function()
      local updated, count = heard "resource_updated", #heard "listening"
      assert.is_true(server:subscribe(TEXT:format(1)))
      assert.is_true(server:subscribe(TEXT:format(2)))
      step_until(function() return #heard "listening" > count end)
      assert.truthy(assert(call "toggle-subscriber-updates"):find "Started")
      step_until(function() return #updated >= 2 end)
      local uris = { updated[1].uri, updated[2].uri }
      table.sort(uris)
      assert.same({ TEXT:format(1), TEXT:format(2) }, uris)
      assert.equal("e", updated[1].server)
      assert.is_true(server:unsubscribe(TEXT:format(1)))
      step_until(function() return is_logged "Received Unsubscribe Resource request" end)
      assert.truthy(assert(call "toggle-subscriber-updates"):find "Stopped")
      assert.truthy(assert(call "toggle-subscriber-updates"):find "Started")
      step_until(function() return #updated >= 3 end)
      assert.equal(TEXT:format(2), updated[3].uri)
      assert.truthy(assert(call "toggle-subscriber-updates"):find "Stopped")
      assert.is_true(server:unsubscribe(TEXT:format(2)))
      assert.equal(3, #updated)
    end)

    it("come, and the change of the list is told", function()
      local changed = #heard "resources_changed"
      local result = assert(call("gzip-file-as-resource",
        { name = "souk.gz", data = "data:text/plain,hello", outputType = "resourceLink" }))
      assert.equal("resource_link", result[1].type)
      step_until(function() return #heard "resources_changed" > changed end)
      local found = false
      for _, resource in ipairs(assert(server:resources())) do
        found = found or resource.uri == result[1].uri
      end
      assert.is_true(found)
      local contents = assert(server:read(result[1].uri))
      assert.equal("application/gzip", contents[1].mimeType)
      assert.equal("H4sI", contents[1].blob:sub(1, 4))
    end)
  end)

  it("has prompts, and completes their arguments", function()
    local names = {}
    for _, prompt in ipairs(assert(server:prompts())) do
      names[#names + 1] = prompt.name
    end
    table.sort(names)
    assert.same({ "args-prompt", "completable-prompt", "resource-prompt", "simple-prompt" }, names)
    assert.equal("user", assert(server:prompt "simple-prompt").messages[1].role)
    local prompt = assert(server:prompt("args-prompt", { city = "Samarkand", state = "Uzbekistan" }))
    assert.equal("What's weather in Samarkand, Uzbekistan?", prompt.messages[1].content.text)
    assert.equal(-32602, fails("rpc", "city", server:prompt "args-prompt").code)
    local ref = { prompt = "completable-prompt" }
    assert.same({ "Sales", "Support" }, assert(server:complete(ref, "department", "S")).values)
    local chosen = { arguments = { department = "Sales" } }
    assert.same({ "David", "Eve", "Frank" }, assert(server:complete(ref, "name", "", chosen)).values)
    local embedded = assert(server:prompt("resource-prompt", { resourceType = "Text", resourceId = "3" }))
    assert.equal(TEXT:format(3), embedded.messages[2].content.resource.uri)
  end)

  it("logs what is severe enough", function()
    step_until(function() return is_logged "Roots updated" end)
    assert.is_true(server:log_level "emergency")
    local logged, count = heard "log", #asked.roots
    local before = #logged
    assert.is_true(server:notify "notifications/roots/list_changed")
    step_until(function() return #asked.roots > count end)
    assert.is_true(server:ping())
    assert.equal(before, #logged)
    assert.is_true(server:log_level "info")
    assert.is_true(server:notify "notifications/roots/list_changed")
    step_until(function() return #logged > before end)
    assert.equal("info", logged[#logged].level)
    assert.equal("everything-server", logged[#logged].logger)
    assert.equal("e", logged[#logged].server)
  end)

  -- Tasks of 2025-11-25 were an experiment, for which souk has no words of its own; their requests are requests.
  it("makes tasks of calls in the way of its revision, for who asks so", function()
    local made = assert(server:request("tools/call",
      { name = "simulate-research-query", arguments = { topic = "souk" }, task = { ttl = 60000 } }))
    local id = made.task.taskId
    assert.equal("working", made.task.status)
    assert.equal(id, assert(server:request("tasks/get", { taskId = id })).taskId)
    assert.equal("cancelled", assert(server:request("tasks/cancel", { taskId = id })).status)
    assert.equal("cancelled", assert(server:request("tasks/get", { taskId = id })).status)
  end)

  -- The server keeps what it said, and says it again to who asks for what came after the last event.
  if transport == "http" then
    it("loses no answer when the connection breaks", function()
      local before, seen = #heard "listening", {}
      local handle = assert(market:start("mcp.e.trigger-long-running-operation", { duration = 0.3, steps = 3 }, {
        on_progress = function(progress)
          seen[#seen + 1] = progress.progress
          if #seen == 1 then
            peer:drop_connections()
          end
        end,
      }))
      assert.truthy(assert(handle:wait(30)):find "completed")
      assert.same({ 1, 2, 3 }, seen)
      step_until(function() return #heard "listening" > before end)
    end)
  end

  it("needs one session for all of this", function()
    assert.equal(1, #market:sessions())
    assert.equal(1, market:stats().sessions_opened)
    assert.same({}, heard "session_lost")
    assert.same({}, heard "listening_failed")
  end)

  if transport ~= "stdio" then
    it("that is gone is an error, and no hang", function()
      peer:stop()
      fails("transport", "server 'e'", call("echo", { message = "hello?" }))
      assert.is_true(market:close())
    end)
  end
end

for _, transport in ipairs { "stdio", "http", "sse" } do
  describe("server-everything over " .. transport, function()
    everything(transport)
  end)
end
