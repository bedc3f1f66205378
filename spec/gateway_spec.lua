-- The gateway of examples/openresty, as its users start it: in a real nginx, in front of real servers, with a real
-- browser that looks at its status page.
--
-- souk is used inside of nginx only, hence the tag.

local cjson = require "cjson"
local nginx = require "spec.support.nginx"
local prometheus = require "spec.support.prometheus"
local servers = require "spec.support.servers"
local shell = require "spec.support.shell"

local RUN = "examples/openresty/run.sh"

local output_of, read_file, write_file = shell.output_of, shell.read_file, shell.write_file

local README = read_file "README.md"

-- Starts the gateway with this configuration (a table or a text; nil: that of the demonstration) and these variables.
local function start(configuration, env)
  local file, all = os.tmpname(), {}
  if configuration then
    write_file(file, type(configuration) == "table" and cjson.encode(configuration) or configuration)
    all.SOUK_GATEWAY_CONFIG = file
  end
  for name, value in pairs(env or {}) do
    all[name] = value
  end
  local ok, gateway = pcall(nginx.run, function(port)
    return { "sh", RUN, port }
  end, { alive = "/", env = all })
  os.remove(file)
  if not ok then
    error(gateway, 0)
  end
  return gateway
end

local function wait_until_ready(gateway)
  nginx.wait_until("a gateway that is ready", 10, function()
    return gateway:get("/healthz").status == 200
  end)
end

-- Everything that the gateway says is JSON. Returns it as a table.
local function json(answer)
  assert.equal("application/json", answer.headers["content-type"])
  return cjson.decode(answer.body)
end

-- Checks the status and the kind of an error; returns it.
local function refused(status, kind, pattern, answer)
  assert.equal(status, answer.status, answer.body)
  local err = json(answer).error
  assert.equal(kind, err.kind)
  assert.truthy(err.message:find(pattern), err.message)
  return err
end

-- The events of a stream: { { name, value }, ... }. Comments are passed over.
local function events_of(answer)
  assert.equal("text/event-stream", answer.headers["content-type"], answer.body)
  local list = {}
  for block in answer.body:gmatch "(.-)\n\n" do
    local name, data = block:match "^event: (%l+)\ndata: ([^\n]+)$"
    if name then
      list[#list + 1] = { name = name, value = cjson.decode(data) }
    else
      assert.equal(":", block:sub(1, 1), block)
    end
  end
  return list
end

-- An address of its own for each request, so that the limits for one client are met only where a spec is about them.
local addresses = 0

local function call_with(body, options)
  addresses = addresses + 1
  local out = { body = body, curl = { "--interface", "127.1.0." .. addresses } }
  for name, value in pairs(options or {}) do
    out[name] = value
  end
  return out
end

local AS_EVENTS = { headers = { Accept = "text/event-stream" } }

describe("the gateway #harness", function()
  local gateway, forge, rude

  local function post(path, body, options)
    return gateway:post(path, body, call_with(body, options))
  end

  -- How often each status came for requests from one address, in one run of curl: status -> count.
  local function codes_of(address, path, body, more)
    local command = "curl -s -o /dev/null -w '%%{http_code}\\n' --interface %s --json '%s' %s '%s%s' 2>&1"
    local codes = { ["200"] = 0, ["429"] = 0 }
    local printed = output_of(command:format(address, body, more or "", gateway.origin, path))
    for code in (printed .. "\n"):gmatch "(%d%d%d)\n" do
      codes[code] = (codes[code] or 0) + 1
    end
    return codes
  end

  setup(function()
    forge = servers.start("scripted", { knobs = { token = "s3cret-of-the-forge", answer = "sse" } })
    -- Says something that is no answer, but markup, whenever a session is to be opened.
    rude = servers.start("scripted", { knobs = { faults = { {
      kind = "rpc_error", method = "*", times = 10000, code = -32000,
      message = "<script>document.title='taken'</script><img src=x onerror=alert(1)>\"'&amp;",
    } } } })
    gateway = start({
      mcpServers = {
        forge = { url = "${FORGE_URL:-" .. forge.url .. "}", headers = { Authorization = "Bearer ${MCP_AUTH_TOKEN}" } },
        rude = { url = rude.url, souk = { protocol_version = "2025-06-18" } },
      },
      capabilities = { output_of "pwd" .. "/examples/capabilities" },
      policy = { deny = { "mcp.forge.create_issue" } },
    }, { MCP_AUTH_TOKEN = "s3cret-of-the-forge" })
    wait_until_ready(gateway)
  end)

  teardown(function()
    rude:violations()
    nginx.stop_all()
    servers.stop_all()
  end)

  after_each(function()
    forge:knobs { faults = {}, token = "s3cret-of-the-forge" }
  end)

  it("says what there is to be called", function()
    local all = json(gateway:get "/capabilities").capabilities
    local seen = {}
    for _, one in ipairs(all) do
      seen[one.id] = one
    end
    assert.equal("Gives the text back.", seen["mcp.forge.echo"].description)
    assert.same({ "text" }, seen["mcp.forge.echo"].input_schema.required)
    assert.truthy(seen["demo.upper"] and seen["mcp.github.get_me"])
    local some = json(gateway:get "/capabilities?match=mcp.forge.*&limit=2").capabilities
    assert.equal(2, #some)
    assert.equal("mcp.forge.echo", json(gateway:get "/capabilities/mcp.forge.echo").id)
    refused(404, "request", "no capability 'mcp.forge.ech'", gateway:get "/capabilities/mcp.forge.ech")
    refused(400, "request", "limit: expected a whole number", gateway:get "/capabilities?limit=all")
  end)

  it("gives JSON for JSON", function()
    assert.same({ text = "HELLO" }, json(post("/call/demo.upper", { text = "hello" })))
    assert.equal("hello", json(post("/call/mcp.forge.echo", { text = "hello" })))
    assert.same({ sum = 5 }, json(post("/call/mcp.forge.add", { a = 2, b = 3 })))
    assert.equal("souk-tester", json(post("/call/mcp.forge.get_me", "", {
      headers = { ["Content-Type"] = "application/json" },
    })).login)
  end)

  it("answers each kind of error with the status that the README says", function()
    local expected = {}
    local rows = README:match "<!%-%- table: gateway %-%->(.-)<!%-%- end: gateway %-%->"
    for kind, status in rows:gmatch "\n| `(%l+)` | (%d%d%d) |" do
      expected[kind] = tonumber(status)
    end
    local kinds = json(gateway:get "/capabilities/demo.fail").input_schema.properties.kind.enum
    assert.equal(13, #kinds)
    for _, kind in ipairs(kinds) do
      local answer = post("/call/demo.fail", { kind = kind, message = "like this" })
      refused(expected[kind], kind, "^like this$", answer)
      assert.equal(expected[kind] == 503 and "1" or nil, answer.headers["retry-after"])
    end
  end)

  it("looks at how far a call got, and at what the server says of later", function()
    local function status(fields)
      local answer = post("/call/demo.fail", fields)
      return answer.status, answer.headers["retry-after"]
    end
    assert.same({ 422 }, { status { kind = "schema", delivery = "not_sent" } })
    assert.same({ 503, "1" }, { status { kind = "limit", delivery = "not_sent" } })
    assert.same({ 503, "8" }, { status { kind = "transport", retry_after = 7.2 } })
    assert.same({ 422 }, { status { kind = "rpc", code = -32602 } })
  end)

  it("answers what goes wrong behind it", function()
    local function call(tool, input, query)
      return post(("/call/mcp.forge.%s%s"):format(tool, query or ""), input or {})
    end
    local function fault(fields)
      fields.method = "tools/call"
      forge:knobs { faults = { fields } }
    end
    refused(404, "config", "no capability 'mcp.forge.ech'", call "ech")
    refused(422, "schema", "property \"text\" %(required%)", call "echo")
    refused(403, "policy", "denied by the rule", call("create_issue", { owner = "a", repo = "b", title = "c" }))
    local err = refused(422, "tool", "out of paper", call("fail", { message = "out of paper" }))
    assert.equal("delivered", err.delivery)
    refused(504, "timeout", "no answer within 0.2 s", call("slow", { ms = 5000 }, "?timeout=0.2"))
    fault { kind = "rpc_error", code = -32603, message = "broken" }
    assert.equal(-32603, refused(502, "rpc", "broken", call("add", { a = 1, b = 2 })).code)
    fault { kind = "rpc_error", code = -32602, message = "no such thing" }
    refused(422, "rpc", "no such thing", call("add", { a = 1, b = 2 }))
    fault { kind = "invalid_json" }
    refused(502, "protocol", ".", call("add", { a = 1, b = 2 }))
    fault { kind = "result", result = { structuredContent = { sum = "three" }, content = {} } }
    refused(502, "schema", "output of 'mcp.forge.add'", call("add", { a = 1, b = 2 }))
  end)

  it("never shows its credentials", function()
    forge:knobs { token = "another s3cret one" }
    local answer = post("/call/mcp.forge.echo", { text = "x" })
    local err = refused(502, "auth", "401", answer)
    assert.equal(401, err.server_status)
    assert.is_nil(answer.headers["www-authenticate"])
    for _, path in ipairs { "/status", "/metrics", "/capabilities" } do
      answer.body = answer.body .. gateway:get(path).body
    end
    assert.is_nil((answer.body .. gateway:output()):find("s3cret", 1, true))
  end)

  it("says what is wrong with a request", function()
    local as_json = { headers = { ["Content-Type"] = "application/json" } }
    local answer = post("/call/demo.upper", '{"text":\n  oops}', as_json)
    local err = refused(400, "request", "expected a value", answer)
    assert.same({ 2, 3 }, { err.line, err.column })
    refused(400, "request", "expected a JSON object", post("/call/demo.upper", "[1]", as_json))
    refused(400, "request", "timeout: expected seconds", post("/call/demo.upper?timeout=soon", { text = "x" }))
    answer = gateway:get "/call/demo.upper"
    refused(405, "request", "expected POST, got GET", answer)
    assert.equal("POST", answer.headers.allow)
    answer = gateway:post("/status", {})
    refused(405, "request", "expected GET, got POST", answer)
    assert.equal("GET, HEAD", answer.headers.allow)
    assert.equal(200, gateway:get("/capabilities", { curl = { "--head" }, method = "HEAD" }).status)
    refused(415, "request", "application/json, got text/plain",
      post("/call/demo.upper", "{}", { headers = { ["Content-Type"] = "text/plain" } }))
    refused(413, "request", "too large", post("/call/demo.upper", { text = ("x"):rep(2 ^ 20) }))
    assert.equal(2 ^ 20 - 100, #json(post("/call/demo.upper", { text = ("x"):rep(2 ^ 20 - 100) })).text)
    refused(404, "request", "nothing here", gateway:get "/call")
    refused(404, "config", "no capability ''", post("/call/", {}))
    refused(421, "request", "not the name", gateway:get("/status", { headers = { Host = "evil.example" } }))
  end)

  it("tells what concerns its keeper only to this machine", function()
    local elsewhere = { curl = { "--interface", "127.0.0.7" } }
    for _, path in ipairs { "/status", "/metrics", "/status/style.css" } do
      refused(403, "request", "only from addresses", gateway:get(path, elsewhere))
    end
    assert.equal(200, gateway:get("/capabilities", elsewhere).status)
  end)

  it("limits how many requests one client may send", function()
    local all = output_of(("curl -s -i --interface 127.0.0.8 --json '{\"text\":\"x\"}' '%s/call/demo.upper?[1-150]'")
      :format(gateway.origin))
    local _, passed = all:gsub("HTTP/1.1 200 OK\r\n", "")
    local _, stopped = all:gsub("HTTP/1.1 429 Too Many Requests\r\n", "")
    assert.equal(150, passed + stopped)
    assert.truthy(passed >= 41 and stopped >= 10, passed) -- 41 at once, and then 20 in a second
    local head, body = all:match "HTTP/1.1 429 [^\r]*\r\n(.-)\r\n\r\n(%b{})"
    assert.truthy((head .. "\r\n"):lower():find "retry%-after: 1\r\n" and head:find "application/json", head)
    assert.same({ error = { kind = "limit", retryable = true, message = "too many requests from your address" } },
      cjson.decode(body))
    local other = gateway:post("/call/demo.upper", { text = "x" }, { curl = { "--interface", "127.0.0.9" } })
    assert.equal(200, other.status)
  end)

  it("limits how many calls of one client may be in flight", function()
    local codes = codes_of("127.0.0.10", "/call/demo.slow?[1-34]", '{"seconds":1}', "--parallel --parallel-immediate")
    assert.same({ ["200"] = 32, ["429"] = 2 }, codes)
  end)

  it("holds nobody up while it waits for a server", function()
    local before = nginx.now()
    local codes = codes_of("127.0.0.11", "/call/mcp.forge.slow?[1-30]", '{"ms":500}', "--parallel --parallel-immediate")
    assert.same({ ["200"] = 30, ["429"] = 0 }, codes)
    assert.truthy(nginx.now() - before < 4, "one after the other it is 15 s") -- 0.6 s on two cores
  end)

  it("cancels the call of a client that goes away, with a stream and without", function()
    for _, options in ipairs { {}, AS_EVENTS } do
      local seen = forge:ledger()
      local request = gateway:begin("/call/mcp.forge.slow", call_with({ ms = 20000, steps = 200 }, options))
      nginx.wait_until("the call at the server", 5, function()
        return (forge:ledger().methods["tools/call"] or 0) > (seen.methods["tools/call"] or 0)
      end)
      request:abort()
      nginx.wait_until("the end of the call", 5, function()
        return #forge:ledger().cancelled > #seen.cancelled
      end)
    end
    nginx.wait_until("nothing in flight", 3, function()
      local families = prometheus.read(gateway:get("/metrics").body)
      local sum = 0
      for _, sample in ipairs(families.souk_server_calls_in_flight.samples) do
        sum = sum + (sample.labels.server == "forge" and sample.value or 0)
      end
      return sum == 0
    end)
  end)

  it("streams how a call goes, and its result", function()
    local request = gateway:begin("/call/mcp.forge.slow", call_with({ ms = 600, steps = 3 }, AS_EVENTS))
    nginx.wait_until("progress before the end", 5, function()
      return request:so_far():find "progress" and not request:so_far():find "event: result"
    end)
    local answer = request:wait()
    assert.equal(200, answer.status)
    assert.equal("no-store", answer.headers["cache-control"])
    local list = events_of(answer)
    assert.equal(4, #list)
    for step = 1, 3 do
      assert.equal("progress", list[step].name)
      assert.equal(step, list[step].value.progress)
      assert.equal(3, list[step].value.total)
    end
    assert.same({ name = "result", value = "slept 600 ms" }, list[4])
  end)

  it("streams how a function of its own goes", function()
    local list = events_of(post("/call/demo.slow", { seconds = 0.4 }, AS_EVENTS))
    assert.equal(3, #list)
    assert.same({ name = "result", value = { slept = 0.4 } }, list[3])
  end)

  it("ends a stream with an error that has its status, but refuses with the status itself", function()
    local list = events_of(post("/call/mcp.forge.slow?timeout=0.3", { ms = 5000 }, AS_EVENTS))
    assert.equal(1, #list)
    assert.equal("error", list[1].name)
    assert.equal(504, list[1].value.status)
    assert.equal("timeout", list[1].value.error.kind)
    refused(422, "schema", "required", post("/call/mcp.forge.slow", {}, AS_EVENTS))
    refused(404, "config", "no capability", post("/call/mcp.forge.slo", {}, AS_EVENTS))
    local issue = { owner = "a", repo = "b", title = "c" }
    refused(403, "policy", "denied", post("/call/mcp.forge.create_issue", issue, AS_EVENTS))
  end)

  it("counts for Prometheus, all workers together", function()
    local before = gateway:get "/metrics"
    assert.equal("text/plain; version=0.0.4", before.headers["content-type"])
    local function calls(text)
      local families, sum = prometheus.read(text), 0
      for _, sample in ipairs(families.souk_server_calls_total.samples) do
        assert.truthy(sample.labels.worker)
        sum = sum + (sample.labels.server == "forge" and sample.value or 0)
      end
      return sum, families
    end
    local count = calls(before.body)
    for _ = 1, 10 do
      assert.equal(200, post("/call/mcp.forge.echo", { text = "x" }).status)
    end
    local families
    nginx.wait_until("what the other worker has counted", 3, function()
      local now
      now, families = calls(gateway:get("/metrics").body)
      return now >= count + 10 -- more, when the other worker had not said its newest before
    end)
    assert.truthy(prometheus.value(families, "gateway_responses_total", { status = "200" }) >= 10)
    assert.equal(2, #families.souk_capabilities.samples)
  end)

  describe("has a page for people that", function()
    local document

    -- The page as a browser has it, and a picture of it below build/log for whoever wants to look.
    local function look(name, more)
      local picture = ("build/log/gateway-%s.png"):format(name)
      os.remove(picture)
      local text = output_of(("mkdir -p build/log; timeout 30 chromium-headless-shell --headless --no-sandbox "
        .. "--disable-gpu --hide-scrollbars %s --screenshot=%s --dump-dom '%s/status?refresh=0' 2>/dev/null")
        :format(more, picture, gateway.origin))
      local file = assert(io.open(picture, "rb"), "there is no picture of " .. name)
      assert.equal("\137PNG", file:read(4))
      file:close()
      return text
    end

    -- The rows of a table of the document: lists of texts, without their markup; `title` -> text for each cell.
    local function rows_of(class)
      local list = {}
      local body = assert(document:match('<table class="' .. class .. '">.-<tbody>(.-)</tbody>'), class)
      for row in body:gsub('<tr class="note">.-</tr>', ""):gmatch '<tr class="%l+">(.-)</tr>' do
        local cells = {}
        for title, cell in row:gmatch '<td class="%l+" data%-title="([^"]+)">(.-)</td>' do
          cells[title] = cell:gsub("<title>.-</title>", ""):gsub("<[^>]+>", " "):gsub("%s+", " "):match "^%s*(.-)%s*$"
        end
        list[#list + 1] = cells
      end
      return list
    end

    setup(function()
      assert.equal(200, post("/call/mcp.forge.echo", { text = "x" }).status)
      document = look("wide", "--window-size=1400,900")
    end)

    it("shows servers, with era, breaker and how long calls take", function()
      local rows = rows_of "servers"
      assert.equal(2, #rows)
      local first, second = rows[1], rows[2]
      assert.truthy(first.server:find "^forge Scripted 1%.0%.0$", first.server)
      assert.same({ "ready", "closed", "legacy", "2025-11-25", "http", "10" }, {
        first.state, first.breaker, first.era, first.revision, first.transport, first.tools,
      })
      assert.truthy(tonumber(first.calls) > 0 and tonumber(first.sessions) > 0)
      assert.truthy(first["half within"]:find "^[%d.]+ m?s$", first["half within"])
      local bar = '<rect x="0" y="%d+" width="4" height="%d+" class="bar"><title>up to 1 ms: %d+ calls?'
      assert.truthy(document:find(bar))
      assert.equal("rude", second.server)
      assert.equal("failed", second.state)
    end)

    it("shows sessions and workers", function()
      local sessions = rows_of "sessions"
      assert.truthy(#sessions >= 1)
      for _, one in ipairs(sessions) do
        assert.same({ "forge", "open", "legacy", "2025-11-25" }, { one.server, one.state, one.era, one.revision })
        assert.truthy(one.session:find "^%x%x%x%x…%x%x%x%x$", one.session)
      end
      local workers = rows_of "workers"
      assert.equal(2, #workers)
      local pids = gateway:workers()
      local seen = { tonumber(workers[1].process), tonumber(workers[2].process) }
      table.sort(seen)
      assert.same(pids, seen)
    end)

    it("takes nothing that comes from a server for markup", function()
      assert.is_nil(document:find "<script")
      assert.is_nil(document:find "<img")
      assert.truthy(document:find "&lt;script&gt;document.title='taken'&lt;/script&gt;")
      assert.truthy(document:find "<title>souk gateway</title>")
      local answer = gateway:get "/status"
      assert.truthy(answer.body:find("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;amp;", 1, true))
      assert.truthy(answer.headers["content-security-policy"]:find "^default%-src 'none'; style%-src 'self'; ")
      assert.equal("nosniff", answer.headers["x-content-type-options"])
      assert.equal("text/css", gateway:get("/status/style.css").headers["content-type"])
    end)

    it("is refreshed unless it is not wanted, with no script", function()
      assert.truthy(gateway:get("/status").body:find('<meta http-equiv="refresh" content="5">', 1, true))
      assert.is_nil(document:find "http%-equiv")
    end)

    it("can be looked at in the dark, and on a telephone", function()
      assert.truthy(look("narrow", "--window-size=420,2600 --blink-settings=preferredColorScheme=0"):find "rude")
    end)
  end)
end)

describe("a gateway that is set up #harness", function()
  after_each(function()
    nginx.stop_all()
    servers.stop_all()
  end)

  -- Runs it with a configuration that is wrong, and returns what it says; it must end by itself.
  local function complaint(configuration)
    local ok, message = pcall(start, configuration)
    assert.is_false(ok, "it started")
    return message
  end

  local function servers_of(one)
    return { mcpServers = { x = one } }
  end

  it("wrongly does not start, and says where", function()
    local command = "SOUK_GATEWAY_CONFIG=/nowhere/x.json sh %s %d 2>&1; echo $?"
    local said = output_of(command:format(RUN, nginx.free_port()))
    assert.truthy(said:find "/nowhere/x.json: No such file or directory" and said:find "\n1$", said)
    assert.equal("gateway: expected a port, got 'many'\n1", output_of("sh " .. RUN .. " many 2>&1; echo $?"))
    assert.truthy(complaint('{"mcpServers":\n {oops}}'):find ":2:3: expected")
    for expected, configuration in pairs {
      ["mcpServers%.x%.args: expected an array of strings, got string"] = servers_of { command = "x", args = "y" },
      ["mcpServers%.x%.headers%.A: expected a string, got number"] = servers_of { url = "x", headers = { A = 1 } },
      ["mcpServers%.x: expected either url or command, got none"] = servers_of { kind = "http" },
      ["policy: expected allow, deny or restrictive, got denied"] = { mcpServers = {}, policy = { denied = {} } },
      ["expected an object with the member mcpServers"] = { servers = 1 },
    } do
      local message = complaint(configuration)
      assert.truthy(message:find(expected), message)
    end
  end)

  it("with a server that is not there yet, finds it later; and fails at once while it is gone", function()
    local forge = servers.start "scripted"
    forge:close_port()
    local gateway = start { mcpServers = { forge = { url = forge.url } } }
    nginx.wait_until("the server is missed", 5, function()
      return json(gateway:get "/healthz").servers.forge == "failed"
    end)
    refused(404, "config", "no capability", gateway:post("/call/mcp.forge.echo", { text = "x" }))
    forge:open_port()
    nginx.wait_until("the server is found by all workers", 8, function()
      return json(gateway:get "/healthz").servers.forge == "ready"
    end)
    assert.equal("x", json(gateway:post("/call/mcp.forge.echo", { text = "x" })))
    forge:close_port()
    refused(502, "transport", ".", gateway:post("/call/mcp.forge.echo", { text = "x" }))
    local answer
    for _ = 1, 10 do -- five for each worker
      answer = gateway:post("/call/mcp.forge.echo", { text = "x" })
    end
    local err = refused(503, "transport", "breaker is open", answer)
    assert.truthy(err.retry_after > 25 and tonumber(answer.headers["retry-after"]) >= err.retry_after)
    forge:open_port()
  end)

  it("anew while it runs takes what is right, and leaves all as it was when it is wrong", function()
    local forge = servers.start "scripted"
    local file = write_file(os.tmpname(), '{"mcpServers":{}}')
    local gateway = start(nil, { SOUK_GATEWAY_CONFIG = file })
    local workers = gateway:workers()
    write_file(file, '{"mcpServers":[1]}')
    gateway:signal "HUP"
    nginx.wait_until("a complaint", 5, function()
      return gateway:output():find "mcpServers%.1: expected an object, got number"
    end)
    assert.same(workers, gateway:workers())
    assert.equal(200, gateway:get("/capabilities/demo.upper").status)
    write_file(file, cjson.encode { mcpServers = { forge = { url = forge.url } } })
    nginx.wait_for_end(gateway:reload(), 5)
    wait_until_ready(gateway)
    assert.equal("x", json(gateway:post("/call/mcp.forge.echo", { text = "x" })))
    os.remove(file)
  end)

  it("as a demonstration has real servers, and leaves nothing behind", function()
    local gateway = start(nil, { SOUK_NPM = servers.npm(), SOUK_NODE = servers.node() })
    nginx.wait_until("all of its servers", 20, function()
      local health = gateway:get "/healthz"
      return health.status == 200 and health
    end)
    assert.same({ everything = "ready", modern = "ready" }, json(gateway:get "/healthz").servers)
    assert.equal("Echo: x", json(gateway:post("/call/mcp.everything.echo", { message = "x" })))
    assert.equal("x", json(gateway:post("/call/mcp.modern.echo", { text = "x" })))
    refused(403, "policy", "denied", gateway:post("/call/mcp.everything.get-env", {}))
    local page = gateway:get("/status").body
    assert.truthy(page:find "legacy" and page:find "modern" and page:find "2026%-07%-28" and page:find "stdio")
    local children = {}
    for _, worker in ipairs(gateway:workers()) do
      for pid in output_of("ps -o pid= --ppid " .. worker):gmatch "%d+" do
        children[#children + 1] = tonumber(pid)
      end
    end
    assert.truthy(#children >= 4)
    local prefix = output_of("ls -d " .. gateway.folder .. "/souk-gateway.*")
    assert.truthy(prefix:find "souk%-gateway")
    gateway:signal("TERM", gateway.leader)
    nginx.wait_for_end({ gateway.leader }, 10)
    nginx.wait_for_end(children, 5)
    assert.equal("", output_of("ls -d " .. prefix .. " 2>/dev/null"))
  end)
end)

describe("a gateway of two workers #harness", function()
  local forge, gateway

  setup(function()
    -- It tells one of those who share the session what it has to say, as many servers do.
    local only_one = { method = "GET", kind = "status", status = 409, after = 1, times = 1000 }
    forge = servers.start("scripted", { knobs = { get = "stream", faults = { only_one } } })
    gateway = start { mcpServers = {
      forge = { url = forge.url },
      lost = { url = "http://127.0.0.1:1/${NOT_THERE}" },
      odd = { url = "http://127.0.0.1:1/mcp", souk = { mode = "strange" } },
    } }
    wait_until_ready(gateway)
  end)

  teardown(function()
    nginx.stop_all()
    servers.stop_all()
  end)

  it("says which servers cannot be, and serves the others", function()
    assert.same({ forge = "ready", lost = "wrong", odd = "wrong" }, json(gateway:get "/healthz").servers)
    local page = gateway:get("/status").body
    assert.truthy(page:find "url: the variable NOT_THERE is not set; nginx passes on only those that an `env` line")
    assert.truthy(page:find "expected shared, exclusive or pinned, got &#39;strange&#39;")
    assert.equal("x", json(gateway:post("/call/mcp.forge.echo", { text = "x" })))
  end)

  it("follows the tools of a server in both, whichever is told that they have changed", function()
    -- worker -> how many capabilities it knows
    local function known()
      local list = {}
      for _, sample in ipairs(prometheus.read(gateway:get("/metrics").body).souk_capabilities.samples) do
        list[sample.labels.worker] = sample.value
      end
      return list
    end
    nginx.wait_until("both want to listen", 5, function()
      return (forge:ledger().http.GET or 0) >= 2
    end)
    local before = known()
    assert.equal(1, forge:set_tools { add = { "lend" } })
    nginx.wait_until("both know the new tool", 5, function()
      local now = known()
      return now["0"] == before["0"] + 1 and now["1"] == before["1"] + 1
    end)
  end)

  it("opens one session for both, and says good-bye when it ends", function()
    gateway:quit(5)
    local sessions = forge:ledger().sessions
    assert.equal(1, #sessions.issued)
    assert.same(sessions.issued, sessions.deleted)
  end)
end)

describe("the nginx.conf of the README #harness", function()
  teardown(function()
    nginx.stop_all()
    servers.stop_all()
  end)

  -- What a reader has at other places: where souk is, the port, and a server with his token.
  local function at_home(text, port, folder, server)
    local tree = output_of "pwd"
    local function replace(what, with)
      local first, last = text:find(what, 1, true)
      assert(first, "the README has no " .. what)
      text = text:sub(1, first - 1) .. with .. text:sub(last + 1)
    end
    replace("http {", ('pid %s/nginx.pid; error_log stderr; daemon off; %s\nhttp {\n'
      .. 'access_log off; lua_package_path "%s/lua/?.lua;%s/lua/?/init.lua;;"; lua_package_cpath "%s/%slua5.1/?.so;;";')
      :format(folder, output_of "id -u" == "0" and "user root;" or "", tree, tree, tree,
        os.getenv "SOUK_BUILD" or "build/"))
    replace("127.0.0.1:8080", "127.0.0.1:" .. port)
    replace("https://api.githubcopilot.com/mcp/", server.url)
    return text
  end

  it("is all that is needed", function()
    local text = assert(README:match "<!%-%- example: nginx %-%->\n```nginx\n(.-)\n```")
    local forge = servers.start("scripted", { knobs = { token = "s3cret-of-a-reader" } })
    local folder = output_of "mktemp -d"
    local server = nginx.run(function(port)
      local file = write_file(folder .. "/nginx.conf", at_home(text, port, folder, forge))
      return { "nginx", "-p", folder, "-c", file, "-e", "stderr" }
    end, { alive = "/", env = { MCP_AUTH_TOKEN = "s3cret-of-a-reader" } })
    local me = nginx.wait_until("an answer", 5, function()
      local answer = server:get "/me"
      return answer.status == 200 and cjson.decode(answer.body)
    end)
    assert.equal("souk-tester", me.login)
    server:stop()
    os.execute("rm -rf " .. folder)
  end)
end)
