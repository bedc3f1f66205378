-- What servers may do, though few of them do it: streams that end early and go on, questions on the stream of GET,
-- members that nobody has defined, lists that are wrong by the time of the call, results that are none.

local eras = require "spec.support.eras"
local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

teardown(eras.stop)
after_each(eras.finish)

local LEGACY, MODERN = eras.cases[1], eras.cases[3]

describe("a stream of an older server", function()
  local function connect(knobs, case)
    knobs.answer, knobs.priming, knobs.retry = "sse", true, 10
    return eras.connect(case or LEGACY, { knobs = knobs, server = { listen = false } })
  end

  it("ends before the answer, which is asked for (poll)", function()
    local market, peer = connect { poll = true }
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    assert.equal(1, #peer.ledger().polls)
    assert.equal(1, peer.ledger().tools.echo)
  end)

  it("ends again and again, each time after something new (poll_again)", function()
    local market, peer = connect { poll = true, poll_again = 1 }
    local seen = {}
    assert.equal("slept 20 ms", market:call("mcp.s.slow", { ms = 20, steps = 4 }, {
      on_progress = function(progress) seen[#seen + 1] = progress.progress end,
    }))
    assert.same({ 1, 2, 3, 4 }, seen)
    assert.truthy(#peer.ledger().polls > 1)
    assert.equal(1, peer.ledger().tools.slow)
  end)

  for _, revision in ipairs { "2025-03-26", "2025-06-18" } do
    it("is taken up in " .. revision .. ", too (poll_old)", function()
      local case = { era = "legacy", revision = revision, transport = "http" }
      local market, peer = connect({ poll = true, poll_old = true }, case)
      assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
      assert.equal(1, #peer.ledger().polls)
    end)
  end

  it("breaks in the middle, and goes on where it was left (drop_after)", function()
    local market, peer = connect { drop_after = 2 }
    local seen = {}
    assert(market:call("mcp.s.slow", { ms = 20, steps = 4 }, {
      on_progress = function(progress) seen[#seen + 1] = progress.progress end,
    }))
    assert.same({ 1, 2, 3, 4 }, seen)
    assert.truthy(#peer.ledger().polls > 0)
    assert.equal(1, peer.ledger().tools.slow)
  end)

  it("for what it says by itself has event ids: nothing is missed when it is closed (get_ids, get_drop)", function()
    local market, peer = eras.connect(LEGACY, { knobs = { get_ids = true, get_drop = 1, retry = 10 } })
    local prompts, resources = 0, 0
    market:on("prompts_changed", function() prompts = prompts + 1 end)
    market:on("resources_changed", function() resources = resources + 1 end)
    help.step_until(market, function() return #peer.ledger().streams > 0 end)
    for _ = 1, 3 do
      peer.server:notify "notifications/prompts/list_changed"
      peer.server:notify "notifications/resources/list_changed"
    end
    help.step_until(market, function() return prompts == 3 and resources == 3 end)
    assert.truthy(#peer.ledger().polls > 0)
  end)
end)

-- Nobody calls anything meanwhile: what is refused is the stream, and it has to be found out why.
describe("a session that the server forgot while it was only listened to", function()
  local function connect()
    local market, peer = eras.connect(LEGACY, { open = { stream_retry = 0.05, max_resumes = 1 } })
    local listening = 0
    market:on("listening", function() listening = listening + 1 end)
    help.step_until(market, function() return #peer.ledger().streams == 1 and listening >= 1 end)
    return market, peer, function() return listening end
  end

  local function hears(market, peer)
    local changed = 0
    market:on("prompts_changed", function() changed = changed + 1 end)
    peer.server:notify "notifications/prompts/list_changed"
    help.step_until(market, function() return changed >= 1 end)
  end

  it("is opened again, and listened to", function()
    local market, peer = connect()
    peer.server:drop_sessions()
    peer.server:end_listen "eof"
    help.step_until(market, function() return market:stats().sessions_opened == 2 end)
    help.step_until(market, function() return peer.ledger().streams[2] ~= nil end)
    hears(market, peer)
  end)

  it("is listened to at once when a call has found it out", function()
    local market, peer, listening = connect()
    local before = listening()
    peer.server:drop_sessions()
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    local started = require("souk.core").now()
    help.step_until(market, function() return listening() > before end)
    assert.is_true(require("souk.core").now() - started < 15) -- not after the longest pause there is
    hears(market, peer)
  end)
end)

describe("a question", function()
  for _, case in ipairs { LEGACY, eras.cases[2] } do
    it("that the client did not declare is refused, and the call goes on over " .. case.transport, function()
      local market, peer = eras.connect(case, { knobs = { ask_anyway = true, answer = "sse" } })
      local err = help.fails("tool", "-32601", market:call("mcp.s.ask_form", {}))
      assert.equal("delivered", err.delivery)
      assert.equal(-32601, peer.ledger().asked[1].answer.error.code)
    end)
  end

  it("comes on the stream of GET, with an id that a request of the client has, too", function()
    local market, peer = eras.connect(LEGACY, {
      knobs = { ask_on = "get", question_ids = "integer", answer = "sse" },
      open = { elicitation = function() return { name = "Ann" } end },
    })
    for _ = 1, 3 do
      assert.equal("Ann", market:call("mcp.s.ask_form", {}).content.name)
    end
    assert.equal("get", peer.ledger().asked[3].where)
  end)
end)

eras.each(describe, function(case)
  it("members that nobody has defined, and text in ASCII, change nothing", function()
    local market = eras.connect(case, { knobs = { extras = true, escapes = true },
      open = { elicitation = function() return { name = "Ann" } end } })
    local server = market:server "s"
    assert.equal("grüezi/😀", market:call("mcp.s.echo", { text = "grüezi/😀" }))
    assert.same({ sum = 5 }, market:call("mcp.s.add", { a = 2, b = 3 }))
    assert.equal("Ann", market:call("mcp.s.ask_form", {}).content.name)
    assert.equal(7, #server:resources())
    assert.equal("user", server:prompt("greet", { name = "Ann" }).messages[1].role)
    assert.truthy(market:call("mcp.s.echo", { text = "x" }, { raw = true })["x-souk-surprise"])
  end)

  it("a call that is cancelled is named to the server, or its stream is closed", function()
    local market, peer = eras.connect(case)
    local handle = assert(market:start("mcp.s.slow", { ms = 60000 }))
    help.step_until(market, function() return peer.ledger().in_flight == 1 end)
    handle:cancel()
    help.fails("cancelled", "", handle:wait())
    local by_stream = case.era == "modern" and case.transport == "http"
    help.step_until(market, function()
      return (by_stream and peer.ledger().aborted or #peer.ledger().cancelled) == 1
    end)
    assert.equal(by_stream and 0 or 1, #peer.ledger().cancelled)
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
  end)

  it("a tool that fails says why", function()
    local market = eras.connect(case)
    local err = help.fails("tool", "no paper", market:call("mcp.s.fail", { message = "no paper" }))
    assert.equal("delivered", err.delivery)
  end)

  -- A modern server over HTTP has no session that could be lost.
  local has_session = (case.era == "legacy" or case.transport == "stdio") and it or function() end

  has_session("a session that is gone is opened again, and the next call is executed once", function()
    local market, peer = eras.connect(case, { server = { listen = false } })
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    local child = case.transport == "stdio" and help.children("--stdio")[1]
    if child then
      os.execute("kill -9 " .. child)
      help.step_until(market, function() return #market:sessions() == 0 end)
    else
      peer.server:drop_sessions()
    end
    assert(market:call("mcp.s.create_issue", { owner = "o", repo = "r", title = "once" }))
    assert.same({ "once" }, peer.ledger().created)
    assert.equal(2, market:stats().sessions_opened)
  end)
end)

describe("2026-07-28 over HTTP", function()
  it("asks for the tools once more when the headers of a call are not those that the server wants now", function()
    local market, peer = eras.connect(MODERN)
    local input = { region = "west", count = 3, dry = false, where = { tenant = " t " } }
    assert.same(input, market:call("mcp.s.headers", input))
    peer.knobs { header_suffix = "-V2" }
    assert.same(input, market:call("mcp.s.headers", input))
    assert.equal(1, #peer.ledger().mismatches)
    assert.truthy(peer.ledger().methods["tools/list"] >= 2)
    assert.equal(2, peer.ledger().tools.headers)
  end)

  it("is known for what it is when its revision is pinned: tools are dropped, and it is listened to", function()
    local market, peer = eras.connect(MODERN, {
      server = { discover = false, protocol_version = "2026-07-28" }, knobs = { bad_headers = true },
    })
    local _, diagnostics = market:refresh "s"
    assert.equal(11, #diagnostics)
    assert.is_nil(market:get "mcp.s.bad_header_space")
    local info = assert(market:server("s"):info())
    assert.equal("2026-07-28", info.protocol)
    assert.equal("modern", info.era)
    help.step_until(market, function() return #peer.ledger().listens > 0 end)
  end)

  it("drops tools whose headers cannot be sent, says which, and keeps the others", function()
    local market, peer = eras.connect(MODERN, { server = { discover = false }, knobs = { bad_headers = true } })
    local count, diagnostics = market:refresh "s"
    assert.is_nil(market:get "mcp.s.bad_header_space")
    assert.truthy(market:get "mcp.s.headers")
    assert.equal(count, #market:list { server = "s" })
    assert.equal(11, #diagnostics)
    assert.equal("bad_header_empty", diagnostics[1].tool)
    assert.truthy(diagnostics[1].message:find("x-mcp-header", 1, true))
    assert.equal(1, peer.ledger().methods["tools/list"])
  end)

  for kind, pattern in pairs {
    neither = "", unknown = "sparkles", undeclared = "", malformed = "", task = "",
  } do
    it("fails a call whose result is none: " .. kind, function()
      local market, peer = eras.connect(MODERN, { open = { elicitation = function() return "accept" end } })
      local err = help.fails("protocol", pattern, market:call("mcp.s.odd_result", { kind = kind }))
      assert.equal("delivered", err.delivery)
      assert.equal(1, peer.ledger().tools.odd_result)
      assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    end)
  end

  it("keeps what a server gives to everybody for each identity apart all the same", function()
    local market, peer = eras.connect(MODERN, { knobs = { ttl = 60000, cache_scope = "public" },
      server = { listen = false } })
    for _ = 1, 2 do
      assert(market:server("s"):read "souk://notes/1")
      assert(market:server("s"):read("souk://notes/1", { identity = "bob" }))
    end
    assert.equal(2, peer.ledger().methods["resources/read"])
  end)

  it("gives up a task whose server does not heed that", function()
    local market, peer = eras.connect(MODERN, { knobs = { task_cancel = "ignore" } })
    local handle = assert(market:start("mcp.s.task", { ms = 60000 }))
    help.step_until(market, function() return handle:task() end)
    handle:cancel()
    help.fails("cancelled", "", handle:wait())
    local id = handle:task()
    help.step_until(market, function() return peer.ledger().tasks[id].cancels == 1 end)
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
  end)
end)

describe("HTTP+SSE", function()
  for way, pattern in pairs { foreign = "origin", missing = "" } do
    it("is not spoken with an endpoint that is " .. way, function()
      local peer = servers.start("scripted", { knobs = { transport = "sse", sse_endpoint = way } })
      local market = help.open { open_timeout = 2 }
      local count, err = market:add_server("s", { url = peer.url })
      assert.is_nil(count)
      assert.truthy(err.message:find(pattern), tostring(err))
      assert.same({}, peer:ledger().methods)
      peer:stop()
    end)
  end

  it("takes an endpoint that is a whole URL", function()
    local peer = servers.start("scripted", { knobs = { transport = "sse", sse_endpoint = "absolute" } })
    local market = help.open()
    assert(market:add_server("s", { url = peer.url }))
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    market:close()
    peer:stop()
  end)
end)

describe("null", function()
  it("is souk.null in results, wherever it stands", function()
    local market = eras.connect(MODERN)
    assert.same({ a = souk.null, b = { souk.null } }, market:call("mcp.s.mirror", { a = souk.null, b = { souk.null } }))
  end)
end)
