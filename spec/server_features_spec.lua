-- What the scripted server does beside tools: that the official client gets along with it, and that it notices what
-- is wrong. Written by hand where the official client does not go.

local cjson = require "cjson"
local by_hand = require "spec.support.by_hand"
local servers = require "spec.support.servers"

local modern, post, rpc = by_hand.modern, by_hand.post, by_hand.rpc
local official_features = by_hand.official_features

local TASKS = '{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}'

-- A header's value that is no plain ASCII.
local function wrapped(text)
  return "=?base64?" .. by_hand.run(("printf %%s %s | base64"):format(by_hand.quote(text))):gsub("%s", "") .. "?="
end

-- The last message of an event stream.
local function last_event(body)
  return cjson.decode(body:match(".*data: ([^\n]+)"))
end

-- Waits until done() is true, and gives what it said.
local function wait_until(done)
  local last = os.time() + 30
  repeat
    local value = done()
    if value then
      return value
    end
    os.execute("sleep 0.02")
  until os.time() > last
  error("it did not happen in time", 2)
end

-- Runs curl in the background. Gives a function that says what was heard until now, with "over" at the end when curl
-- has ended, and the file that has it.
local function background(arguments)
  local file = os.tmpname()
  local command = ("curl -s -N -m 30 %s >%s 2>&1; echo over >>%s"):format(arguments, file, file)
  os.execute(("sh -c %s >/dev/null 2>&1 &"):format(by_hand.quote(command)))
  return function()
    local opened = assert(io.open(file))
    local text = opened:read("*a")
    opened:close()
    return text
  end, file
end

local function is_over(heard)
  return heard():find("over\n", 1, true) ~= nil
end

-- What the official client has to come back with, whatever the way.
local function check_report(report, revision)
  assert.equal(revision, report.revision)
  assert.equal("Paris", cjson.decode(report.ask_sample).content.text)
  assert.equal("file:///tmp", cjson.decode(report.ask_roots).roots[1].uri)
  assert.equal("Paris", cjson.decode(report.ask_all).sample.content.text)
  if revision >= "2025-06-18" then
    assert.equal("Bea", cjson.decode(report.ask_form).content.name)
    assert.equal(3, report.rounds)
  end
  if revision >= "2025-11-25" then
    assert.equal("accept", cjson.decode(report.ask_url).action)
  end
  assert.equal(" t ", cjson.decode(report.headers).where.tenant)
  assert.equal(7, report.resources)
  assert.equal(2, report.templates)
  assert.equal("ann", cjson.decode(report.read).name)
  assert.equal("3q2+7w==", report.blob)
  assert.equal(3, report.prompts)
  assert.equal(2, report.prompt)
  if revision >= "2025-03-26" then
    assert.same({ "brief", "bold", "baroque" }, report.completed)
  end
  local heard = table.concat(report.heard, " ")
  assert.truthy(heard:find("souk://notes/1", 1, true), heard)
  assert.truthy(heard:find("tools/list_changed", 1, true), heard)
end

describe("the scripted server's features #harness", function()
  local server

  setup(function()
    server = servers.start("scripted")
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
  end)

  it("are checked against the published schemas", function()
    assert.equal("checked", server:ledger().schemas)
  end)

  for _, revision in ipairs({ "2025-03-26", "2025-06-18", "2025-11-25" }) do
    it("get along with the official client at " .. revision, function()
      server:knobs({ revisions = { revision }, get = "stream", page = 2, all_tools = true })
      check_report(official_features("legacy", server.url), revision)
      assert.same({}, server:violations())
    end)
  end

  it("ask on the stream of GET when they are told to, under the client's own ids", function()
    server:knobs({ get = "stream", ask_on = "get", question_ids = "integer", escapes = true })
    check_report(official_features("legacy", server.url), "2025-11-25")
    for _, question in ipairs(server:ledger().asked) do
      assert.equal("get", question.where)
    end
  end)

  it("get along with a client that polls for all answers", function()
    server:knobs({ get = "stream", answer = "sse", poll = true, poll_again = 1, retry = 20 })
    check_report(official_features("legacy", server.url), "2025-11-25")
    local polls = server:ledger().polls
    assert.truthy(#polls > 10)
    assert.truthy(polls[1].waited >= 15)
  end)

  for _, way in ipairs({ "relative", "absolute" }) do
    it("come over the transport of 2024-11-05, the endpoint being " .. way, function()
      server:knobs({ transport = "sse", sse_endpoint = way, revisions = { "2024-11-05" } })
      check_report(official_features("sse", server.url), "2024-11-05")
    end)
  end

  for _, state in ipairs({ "plain", "weird", "number", "long", "empty", "none" }) do
    it("ask by results at 2026-07-28, the state being " .. state, function()
      server:knobs({ revisions = { "2026-07-28" }, all_tools = true, bad_headers = true, state = state,
        escapes = state == "weird" })
      check_report(official_features("auto", server.url), "2026-07-28")
      -- The official client says by a notification, too, that it does not listen any more.
      assert.same({ "notifications/cancelled: no notification goes to a modern server over HTTP" }, server:violations())
      assert.equal("closed", server:ledger().listens[1].state)
    end)
  end

  it("over stdio get along with the official client, old and new", function()
    for revision, mode in pairs({ ["2025-11-25"] = "legacy", ["2026-07-28"] = "auto" }) do
      local spec = servers.stdio("scripted", { knobs = { revisions = { revision }, all_tools = true } })
      check_report(by_hand.through_stdio(official_features, mode, spec), revision)
      assert.same({}, spec.violations())
      assert.equal(mode == "auto" and "closed" or nil, (spec.ledger().listens[1] or {}).state)
    end
  end)

  describe("at 2026-07-28", function()
    before_each(function()
      server:knobs({ revisions = { "2026-07-28" }, all_tools = true, poll_interval = 0 })
    end)

    local function ask(id, more, capabilities)
      return modern(server, id, "tools/call", '"name":"ask_form","arguments":{}' .. (more or ""), "ask_form",
        capabilities or '{"elicitation":{}}')
    end

    it("refuse to ask what was not declared", function()
      local status, reply = ask(1, nil, "{}")
      assert.equal(400, status)
      assert.equal(-32021, reply.error.code)
      assert.truthy(reply.error.data.requiredCapabilities.elicitation)
    end)

    it("notice what is wrong with a second round", function()
      local _, first = ask(1)
      assert.equal("input_required", first.result.resultType)
      local key = next(first.result.inputRequests)
      local state = first.result.requestState
      ask(1, (',"requestState":"%s","inputResponses":{"%s":{"action":"accept","content":{"age":"old"}},"x":{}}')
        :format(state, key))
      ask(2, (',"inputResponses":{"%s":{"action":"decline","content":{}}}'):format(key))
      ask(3, ',"requestState":"made up"')
      modern(server, 4, "tools/list", ('"requestState":"%s"'):format(state))
      local text = table.concat(server:violations(), "\n")
      for _, wanted in ipairs({ "the retry has the id of the request before it", "the content of a form does not fit",
        "inputResponses has a key that was not asked: x", "requestState is not the one that was given",
        "content in an answer that does not accept", "that this server did not ask for",
        "requestState does not belong here" }) do
        assert.truthy(text:find(wanted, 1, true), wanted .. " is not in\n" .. text)
      end
    end)

    it("notice headers that do not repeat the arguments, unless the tool has just changed", function()
      local input = '"name":"headers","arguments":{"region":"eu","count":null}'
      modern(server, 1, "tools/list")
      assert.equal(200, (modern(server, 2, "tools/call", input, "headers", nil, "-H 'mcp-param-region: eu'")))
      server:knobs({ header_suffix = "-2" })
      local status, reply = modern(server, 3, "tools/call", input, "headers", nil, "-H 'mcp-param-region: eu'")
      assert.equal(400, status)
      assert.equal(-32020, reply.error.code)
      assert.same({}, server:violations())
      assert.equal(400, (modern(server, 4, "tools/call", input, "headers", nil, "-H 'mcp-param-count: null'")))
      assert.equal(1, #server:violations())
      assert.equal(2, #server:ledger().mismatches)
    end)

    it("have results that are none", function()
      for kind, wanted in pairs({ neither = "input_required", unknown = "sparkles", task = "task",
        forever = "input_required", malformed = "input_required" }) do
        local _, reply = modern(server, 1, "tools/call", ('"name":"odd_result","arguments":{"kind":"%s"}'):format(kind),
          "odd_result", '{"elicitation":{}}')
        assert.equal(wanted, reply.result.resultType)
      end
      local _, reply = modern(server, 2, "tools/call", '"name":"odd_result","arguments":{"kind":"no_type"}',
        "odd_result")
      assert.is_nil(reply.result.resultType)
    end)

    it("make a task of a call, ask in it and complete it", function()
      local _, reply = modern(server, 1, "tools/call", '"name":"task","arguments":{"ms":1,"ask":true}', "task", TASKS)
      assert.equal("task", reply.result.resultType)
      local id = reply.result.taskId
      local name = wrapped(id)
      local params = ('"taskId":"%s"'):format(id)
      local request = 1
      local function get()
        request = request + 1
        local _, got = modern(server, request, "tasks/get", params, name, TASKS)
        return got.result
      end
      local function wait_for(status)
        local task
        for _ = 1, 100 do
          task = get()
          if task.status == status then
            return task
          end
          os.execute("sleep 0.02") -- pollIntervalMs
        end
        error("the task is " .. task.status)
      end
      local key = next(wait_for("input_required").inputRequests)
      local answers = params .. (',"inputResponses":{"%s":{"action":"decline"}}'):format(key)
      modern(server, 200, "tasks/update", answers, name, TASKS)
      assert.truthy(wait_for("completed").result.content[1].text:find("decline", 1, true))
      modern(server, 201, "tasks/update", answers, name, TASKS)
      local ledger = server:ledger()
      assert.same({ "working", "input_required", "working", "completed" }, ledger.tasks[id].statuses)
      assert.same({ "tasks/update: " .. key .. " was answered before" }, server:violations())
      assert.equal(-32021, select(2, modern(server, 202, "tasks/get", params, name)).error.code)
    end)

    it("cancel a task, and let one fail", function()
      local function start(input)
        local _, reply = modern(server, 1, "tools/call", '"name":"task","arguments":' .. input, "task", TASKS)
        return ('"taskId":"%s"'):format(reply.result.taskId), wrapped(reply.result.taskId)
      end
      local params, name = start('{"ask":true}')
      modern(server, 2, "tasks/cancel", params, name, TASKS)
      assert.equal("cancelled", select(2, modern(server, 3, "tasks/get", params, name, TASKS)).result.status)
      params, name = start('{"fail":"rpc"}')
      local id, task = 4, nil
      wait_until(function()
        os.execute("sleep 0.02") -- pollIntervalMs
        id = id + 1
        task = select(2, modern(server, id, "tasks/get", params, name, TASKS)).result
        return task.status ~= "working"
      end)
      assert.equal("failed", task.status)
      assert.equal(1234, task.error.code)
    end)

    it("make a task of other tools when they are told to, and need not heed that it is cancelled", function()
      server:knobs({ tasks = { "ask_form" }, task_cancel = "ignore" })
      local _, reply = modern(server, 1, "tools/call", '"name":"ask_form","arguments":{}', "ask_form", TASKS)
      local name, params = wrapped(reply.result.taskId), ('"taskId":"%s"'):format(reply.result.taskId)
      modern(server, 2, "tasks/cancel", params, name, TASKS)
      assert.equal("input_required", select(2, modern(server, 3, "tasks/get", params, name, TASKS)).result.status)
      assert.equal(1, server:ledger().tasks[reply.result.taskId].cancels)
    end)

    it("log at the level that the request wants", function()
      server:knobs({ answer = "sse" })
      local function chatter(level)
        local _, text = post(server, ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"chatter",'
          .. '"arguments":{"level":"info"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
          .. '"io.modelcontextprotocol/clientCapabilities":{}%s}}}'):format(level),
          "-H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: tools/call' -H 'mcp-name: chatter'")
        return text:find("notifications/message", 1, true) ~= nil
      end
      assert.is_false(chatter "")
      assert.is_true(chatter ',"io.modelcontextprotocol/logLevel":"debug"')
      assert.is_false(chatter ',"io.modelcontextprotocol/logLevel":"error"')
    end)

    it("say how long a list may be kept, and which revisions there are", function()
      server:knobs({ ttl = 5000, cache_scope = "public" })
      local _, reply = modern(server, 1, "resources/list")
      assert.equal(5000, reply.result.ttlMs)
      assert.equal("public", reply.result.cacheScope)
      server:knobs({ revisions = { "2027-01-01" } })
      local status
      status, reply = modern(server, 2, "resources/list")
      assert.equal(400, status)
      assert.equal(-32022, reply.error.code)
      assert.same({ "2027-01-01" }, reply.error.data.supported)
    end)

    it("give results of any kind as a fault", function()
      local result = { resultType = "input_required" }
      server:knobs({ faults = { { method = "tools/list", kind = "result", result = result } } })
      local _, reply = modern(server, 7, "tools/list")
      assert.equal(7, reply.id)
      assert.equal("input_required", reply.result.resultType)
    end)

    it("notice polls that come too soon", function()
      server:knobs({ poll_interval = 60000 })
      local _, reply = modern(server, 1, "tools/call", '"name":"task","arguments":{}', "task", TASKS)
      assert.equal(60000, reply.result.pollIntervalMs)
      local name = wrapped(reply.result.taskId)
      modern(server, 2, "tasks/get", ('"taskId":"%s"'):format(reply.result.taskId), name, TASKS)
      assert.truthy(server:violations()[1]:find("pollIntervalMs is 60000", 1, true))
    end)

    -- Listens in the background until the server ends it; gives what was heard.
    local function listen(filter, meanwhile)
      local body = ('{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":%s,"_meta":{'
        .. '"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
        .. '"io.modelcontextprotocol/clientCapabilities":{}}}}'):format(filter)
      local heard, file = background(("%s -H 'content-type: application/json' -H 'accept: application/json, "
        .. "text/event-stream' -H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: subscriptions/listen' "
        .. "--data-binary %s"):format(server.url, by_hand.quote(body)))
      wait_until(function() return #server:ledger().listens > 0 or is_over(heard) end)
      meanwhile()
      wait_until(function() return is_over(heard) end)
      local text = heard()
      os.remove(file)
      return text
    end

    for style, acknowledged in pairs({ partial = '"notifications":{"toolsListChanged":true}', silent = false,
      refuse = false }) do
      it("listen in a " .. style .. " way", function()
        server:knobs({ listen = style })
        local told
        local text = listen('{"toolsListChanged":true,"promptsListChanged":true}', function()
          told = server:notify("notifications/prompts/list_changed")
          server:end_listen()
        end)
        assert.equal(style == "silent" and 1 or 0, told)
        assert.equal(acknowledged ~= false, text:find("acknowledged", 1, true) ~= nil)
        assert.truthy(not acknowledged or text:find(acknowledged, 1, true))
        assert.equal(style == "refuse", text:find("-32601", 1, true) ~= nil)
      end)
    end

    for how, wanted in pairs({ result = { true, false }, eof = { false, false }, cancelled = { false, true },
      both = { true, true } }) do
      it("end listening with " .. how, function()
        local text = listen('{"toolsListChanged":true}', function()
          assert.equal(1, server:set_tools({ add = { "fresh" } }))
          assert.equal(0, server:touch("souk://notes/1"))
          assert.equal(1, server:end_listen(how))
        end)
        assert.truthy(text:find("subscriptions/acknowledged", 1, true))
        assert.truthy(text:find('"io.modelcontextprotocol/subscriptionId":"l"', 1, true))
        assert.truthy(text:find("notifications/tools/list_changed", 1, true))
        assert.equal(wanted[1], text:find('"result":', 1, true) ~= nil)
        assert.equal(wanted[2], text:find("notifications/cancelled", 1, true) ~= nil)
        assert.equal("ended", server:ledger().listens[1].state)
      end)
    end
  end)

  describe("of a legacy server", function()
    local function session(capabilities)
      local _, _, id = post(server, ('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":'
        .. '"2025-11-25","capabilities":%s,"clientInfo":{"name":"curl","version":"1"}}}'):format(capabilities))
      local headers = ("-H 'mcp-session-id: %s' -H 'mcp-protocol-version: 2025-11-25'"):format(id)
      post(server, { jsonrpc = "2.0", method = "notifications/initialized" }, headers)
      return headers
    end

    local function call(id, name, headers, input)
      return post(server, ('{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s}}')
        :format(id, name, input or "{}"), headers)
    end

    it("do not ask what was not declared, unless they are told to", function()
      local headers = session("{}")
      local _, body = call(1, "ask_form", headers)
      assert.truthy(body:find("no ability for elicitation/create", 1, true))
      server:knobs({ ask_anyway = true, ask_timeout = 50 })
      _, body = call(2, "ask_form", headers)
      assert.truthy(body:find('"method":"elicitation/create"', 1, true))
      assert.truthy(server:violations()[1]:find("elicitation/create of the server was not answered", 1, true))
    end)

    local function words(headers, last)
      return ("%s -H 'accept: text/event-stream' %s %s"):format(server.url, headers,
        last and "-H 'last-event-id: " .. last .. "'" or "")
    end

    -- GET, until the server ends it.
    local function get(headers, last)
      return by_hand.run("curl -s -N -m 30 " .. words(headers, last))
    end

    it("break a stream in the middle, and go on where it was left", function()
      server:knobs({ answer = "sse", priming = true, drop_after = 2, retry = 1 })
      local headers = session("{}")
      local _, body = post(server, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","arguments":'
        .. '{"ms":20,"steps":4},"_meta":{"progressToken":1}}}', headers)
      local last = body:match(".*\nid: ([^\n]+)")
      assert.is_nil(body:find('"result"', 1, true))
      local rest = get(headers, last)
      assert.truthy(rest:find("step 3 of 4", 1, true))
      assert.is_nil(rest:find("step 2 of 4", 1, true))
      assert.truthy(rest:find('"result"', 1, true))
      assert.equal(last, server:ledger().polls[1].last)
      get(headers, "nobody/1")
      assert.truthy(server:violations()[1]:find("Last-Event-ID names no event", 1, true))
    end)

    it("close the stream of GET after some events, and keep the others for whoever comes back", function()
      server:knobs({ get = "stream", get_ids = true, get_drop = 1, retry = 1 })
      local headers = session("{}")
      local heard, file = background(words(headers))
      wait_until(function() return server:notify("notifications/prompts/list_changed") == 1 end)
      server:notify("notifications/tools/list_changed")
      wait_until(function() return is_over(heard) end)
      local text = heard()
      os.remove(file)
      assert.truthy(text:find("prompts/list_changed", 1, true))
      assert.is_nil(text:find("tools/list_changed", 1, true))
      assert.equal("closed", server:ledger().streams[1].state)
      heard, file = background(words(headers, text:match("\nid: ([^\n]+)")))
      wait_until(function() return heard():find("tools/list_changed", 1, true) end)
      assert.equal(1, server:end_listen())
      wait_until(function() return is_over(heard) end)
      text = heard()
      os.remove(file)
      assert.is_nil(text:find("prompts/list_changed", 1, true))
    end)

    for way, wanted in pairs({ foreign = "http://127.0.0.1:1/", missing = false }) do
      it("name an endpoint for messages that is " .. way, function()
        server:knobs({ transport = "sse", sse_endpoint = way })
        local heard, file = background(words "")
        wait_until(function() return server:notify("notifications/tools/list_changed") == 1 end)
        assert.equal(1, server:end_listen())
        wait_until(function() return is_over(heard) end)
        local text = heard()
        os.remove(file)
        assert.truthy(text:find("tools/list_changed", 1, true))
        assert.equal(wanted ~= false, text:find("event: endpoint", 1, true) ~= nil)
        assert.truthy(not wanted or text:find("data: " .. wanted, 1, true))
        assert.equal(405, (by_hand.initialize(server)))
      end)
    end

    it("take a question back, and expect no answer then", function()
      local _, body = call(1, "ask_cancelled", session('{"elicitation":{}}'), '{"ms":50}')
      assert.truthy(body:find("notifications/cancelled", 1, true))
      assert.truthy(body:find("withdrawn", 1, true))
      assert.equal("withdrawn", server:ledger().asked[1].answer)
    end)

    it("want a URL to be visited, and remember that it was", function()
      local headers = session("{}")
      local _, body = call(1, "need_url", headers)
      local err = last_event(body).error
      assert.equal(-32042, err.code)
      assert.equal("url", err.data.elicitations[1].mode)
      _, body = call(2, "need_url", headers)
      assert.equal("welcome", last_event(body).result.content[1].text)
    end)

    it("notice replies to what nobody asked", function()
      local headers = session("{}")
      post(server, { jsonrpc = "2.0", id = "guess", result = { a = 1 } }, headers)
      assert.truthy(server:violations()[1]:find("a question that nobody asked", 1, true))
    end)

    it("make cursors invalid", function()
      local headers = session("{}")
      server:knobs({ page = 2 })
      local _, body = post(server, rpc(1, "prompts/list"), headers)
      local cursor = cjson.decode(body).result.nextCursor
      server:knobs({ cursor_prefix = "new-" })
      _, body = post(server, rpc(2, "prompts/list", { cursor = cursor }), headers)
      assert.equal(-32602, cjson.decode(body).error.code)
    end)

    it("write what nobody has defined, and in ASCII", function()
      local headers = session("{}")
      server:knobs({ extras = true, escapes = true })
      local _, body = post(server, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":'
        .. '{"text":"grüezi/😀"}}}', headers)
      assert.truthy(body:find("gr\\u00fcezi\\/\\ud83d\\ude00", 1, true))
      assert.truthy(cjson.decode(body).result["x-souk-surprise"])
    end)

    it("tell from which trace a call came", function()
      local headers = session("{}")
      post(server, '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"traceparent":"00-a-b-01"}}}',
        headers)
      assert.same({ { method = "tools/list", traceparent = "00-a-b-01" } }, server:ledger().traces)
    end)
  end)
end)

describe("the server on the official packages #harness", function()
  -- Over stdio to a legacy client, too: the package turns results that ask into requests.
  local function check(report, revision)
    assert.equal(revision, report.revision)
    assert.equal("Bea", cjson.decode(report.ask_form).content.name)
    assert.equal("accept", cjson.decode(report.ask_url).action)
    assert.equal("Paris", cjson.decode(report.ask_sample).result.content.text)
    assert.same({ "Bea", "Bea" }, cjson.decode(report.ask_twice))
    assert.equal("version 0", report.read)
    assert.same({ "brief", "bold" }, report.completed)
    assert.same({ "souk://readme", "tools/list_changed" }, report.heard)
  end

  it("asks, reads, completes and tells listeners over HTTP", function()
    local server = servers.start("modern")
    check(by_hand.official_features("auto", server.url), "2026-07-28")
    assert.same({ "notifications/cancelled: no notification goes to a modern server over HTTP" }, server:violations())
    server:stop()
  end)

  it("does so over stdio, also for a legacy client", function()
    check(by_hand.through_stdio(official_features, "auto", servers.stdio("modern")), "2026-07-28")
    check(by_hand.through_stdio(official_features, "legacy", servers.stdio("modern", { legacy = "stateless" })),
      "2025-11-25")
  end)
end)
