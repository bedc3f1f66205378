-- souk beside servers that others wrote: the reference servers over HTTP and stdio, and servers of the new protocol
-- that stand on the official packages. Each is started once for all of its specs.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails = help.open, help.fails

after_each(help.clean_up)
teardown(help.stop_servers)

-- What all specs of one server have in common: a market that knows it, and call("tool", input, options). The function
-- gives what add_server wants, and the server of spec/support/servers if there is one: it lives as long as it is known.
local function share(name, describe_server)
  local shared = {}
  setup(function()
    shared.market = souk.open { env = { PATH = os.getenv "PATH" } }
    local options, server = describe_server()
    shared.server = server
    shared.tools, shared.diagnostics = shared.market:add_server(name, options)
    assert(shared.tools, shared.diagnostics)
  end)
  teardown(function()
    shared.market:close()
  end)
  function shared.call(tool, input, call_options)
    return shared.market:call("mcp." .. name .. "." .. tool, input, call_options)
  end
  function shared.request(method, params)
    return shared.market:request(name, method, params)
  end
  return shared
end

-- The same promises for both transports; `peer` is what share() gives.
local function everything(peer, name)
  local call, request = peer.call, peer.request

  it("lists its tools, with schemas and annotations", function()
    assert.equal(13, peer.tools)
    assert.same({}, peer.diagnostics)
    assert.equal(13, #peer.market:list { server = name })
    local sum = peer.market:get("mcp." .. name .. ".get-sum")
    assert.same({ "a", "b" }, sum.input_schema.required)
    assert.is_true(sum.annotations.readOnlyHint)
    assert.equal("2025-11-25", peer.market:sessions()[1].protocol)
  end)

  it("gives texts, whatever is in them", function()
    assert.equal("Echo: hi", call("echo", { message = "hi" }))
    local odd = "ünïcödé \240\159\144\170 \"\\/\n\r\t\0end"
    assert.equal("Echo: " .. odd, call("echo", { message = odd }))
    local long = ("0123456789"):rep(50000)
    assert.equal("Echo: " .. long, call("echo", { message = long }))
    assert.equal("The sum of 19 and 23 is 42.", call("get-sum", { a = 19, b = 23 }))
  end)

  it("gives structured content", function()
    local weather = assert(call("get-structured-content", { location = "Chicago" }))
    assert.equal(36, weather.temperature)
    assert.is_string(weather.conditions)
    local raw = assert(call("get-structured-content", { location = "Chicago" }, { raw = true }))
    assert.same(weather, raw.structuredContent)
    assert.same(weather, souk.json.decode(raw.content[1].text))
  end)

  it("gives images, links and resources as they are", function()
    local image = assert(call("get-tiny-image", {}))
    assert.equal("image", image[2].type)
    assert.equal("image/png", image[2].mimeType)
    assert.equal("iVBORw0KGgo", image[2].data:sub(1, 11))
    local links = assert(call("get-resource-links", { count = 2 }))
    assert.equal(3, #links)
    assert.equal("resource_link", links[2].type)
    local reference = assert(call("get-resource-reference", { resourceType = "Text", resourceId = 1 }))
    assert.equal("demo://resource/dynamic/text/1", reference[2].resource.uri)
    local zipped = assert(call("gzip-file-as-resource",
      { name = "x.gz", data = "data:text/plain,hello", outputType = "resource" }))
    assert.equal("application/gzip", zipped[1].resource.mimeType)
    local annotated = assert(call("get-annotated-message", { messageType = "error", includeImage = true }))
    assert.same({ "user", "assistant" }, annotated[1].annotations.audience)
  end)

  it("is not asked what its schemas forbid, and says so itself when it is", function()
    local err = fails("schema", 'expected property "message"', call("echo", {}))
    assert.equal("not_sent", err.delivery)
    fails("schema", "/location: expected one of", call("get-structured-content", { location = "Nowhere" }))
    err = fails("tool", "Invalid arguments for tool get%-sum",
      call("get-sum", { a = "x", b = 1 }, { validate = false }))
    assert.equal("delivered", err.delivery)
    assert.is_true(err.data.isError)
  end)

  it("reports failures of its tools", function()
    local err = fails("tool", "Invalid resourceId: %-1", call("get-resource-reference", { resourceId = -1 }))
    assert.equal("mcp." .. name .. ".get-resource-reference", err.capability)
    fails("tool", "requires task augmentation", call("simulate-research-query", { topic = "souk" }))
  end)

  it("answers the protocol's other requests", function()
    assert.same({}, request "ping")
    assert.is_true(#assert(request "resources/list").resources > 3)
    assert.equal(2, #assert(request "resources/templates/list").resourceTemplates)
    local read = assert(request("resources/read", { uri = "demo://resource/dynamic/text/1" }))
    assert.truthy(read.contents[1].text:find "^Resource 1")
    local prompt = assert(request("prompts/get", { name = "args-prompt", arguments = { city = "Samarkand" } }))
    assert.truthy(prompt.messages[1].content.text:find "Samarkand")
    local completion = assert(request("completion/complete", {
      ref = { type = "ref/prompt", name = "completable-prompt" }, argument = { name = "department", value = "E" },
    }))
    assert.same({ "Engineering" }, completion.completion.values)
    assert.same({}, request("logging/setLevel", { level = "debug" }))
  end)

  it("refuses requests with a code", function()
    assert.equal(-32601, fails("rpc", "Method not found", request "no/such").code)
    assert.equal(-32602, fails("rpc", "not found", request("resources/read", { uri = "demo://nowhere" })).code)
  end)

  it("serves 64 calls at once", function()
    local handles = {}
    for i = 1, 64 do
      handles[i] = assert(peer.market:start("mcp." .. name .. ".get-sum", { a = i, b = i }))
    end
    for i = 1, 64 do
      assert.equal(("The sum of %d and %d is %d."):format(i, i, 2 * i), handles[i]:wait())
    end
  end)

  it("takes its time, is given up, and serves the next call", function()
    assert.truthy(assert(call("trigger-long-running-operation", { duration = 0.05, steps = 2 })):find "completed")
    local err = fails("timeout", "no answer within",
      call("trigger-long-running-operation", { duration = 2, steps = 1 }, { timeout = 0.05 }))
    assert.equal("ambiguous", err.delivery)
    local handle = peer.market:start("mcp." .. name .. ".trigger-long-running-operation", { duration = 2, steps = 1 })
    handle:wait(0.02)
    handle:cancel()
    fails("cancelled", "cancelled", handle:wait())
    assert.equal("Echo: still here", call("echo", { message = "still here" }))
  end)

  it("may send what nobody asked for, and is understood all the same", function()
    assert.same({}, request("logging/setLevel", { level = "debug" }))
    assert.truthy(assert(call("toggle-simulated-logging", {})):find "Started")
    assert.equal("Echo: hi", call("echo", { message = "hi" }))
    assert.truthy(assert(call("toggle-simulated-logging", {})):find "Stopped")
  end)

  it("needs one session for all of this", function()
    assert.equal(1, #peer.market:sessions())
    assert.equal(1, peer.market:stats().sessions_opened)
  end)
end

describe("server-everything over HTTP", function()
  local peer = share("http", function()
    local server = servers.start "everything"
    return { url = server.url }, server
  end)

  everything(peer, "http")

  -- It says 400 and -32000 where the specification says 404. One of its tools tells the id of the session.
  it("that has lost the session gets another one, and the call is made once more", function()
    local text = assert(peer.call("toggle-subscriber-updates", {}))
    local id = assert(text:match "session (%x+%-[%x%-]+)")
    local command = "curl -s -o /dev/null -w '%%{http_code}' -X DELETE -H 'Mcp-Session-Id: %s' %s"
    assert.equal("200", help.output_of(command:format(id, peer.server.url)))
    assert.equal("Echo: again", peer.call("echo", { message = "again" }))
    local stats = peer.market:stats()
    assert.equal(1, stats.sessions_lost)
    assert.equal(2, stats.sessions_opened)
    assert.equal(1, stats.calls_resent)
    assert.equal(2, peer.market:sessions()[1].generation)
  end)

  it("that is gone is an error, and no hang", function()
    peer.server:stop()
    local err = fails("transport", "server 'http'", peer.call("echo", { message = "hello?" }))
    assert.is_true(err.retryable)
    assert.is_true(peer.market:close())
  end)
end)

describe("server-everything over stdio", function()
  local peer = share("stdio", function()
    local server = help.child "everything"
    server.env = { SOUK_SPEC = "seen by the child" }
    return server
  end)

  everything(peer, "stdio")

  it("sees the variables that it was given, beside those of the program", function()
    local env = assert(peer.call("get-env", {}))
    assert.equal("seen by the child", env.SOUK_SPEC)
    assert.equal(os.getenv "PATH", env.PATH)
  end)

  it("leaves no process behind", function()
    assert.equal(1, #help.children "server-everything/dist/index.js")
    peer.market:close()
    assert.same({}, help.children "server-everything/dist/index.js")
  end)
end)

describe("server-filesystem", function()
  local folder
  local peer = share("files", function()
    folder = help.output_of "mktemp -d"
    return (help.child("filesystem", { folder = folder }))
  end)

  teardown(function()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  it("lists its tools", function()
    assert.equal(14, peer.tools)
    assert.same({}, peer.diagnostics)
  end)

  it("writes, reads, edits, moves and finds files", function()
    local path = folder .. "/note.txt"
    assert(peer.call("write_file", { path = path, content = "one\ntwo\nthrée\n" }))
    assert.equal("one\ntwo\nthrée\n", help.read_file(path))
    assert.same({ content = "one\ntwo\nthrée\n" }, peer.call("read_text_file", { path = path }))
    assert.same({ content = "one" }, peer.call("read_text_file", { path = path, head = 1 }))
    local diff = assert(peer.call("edit_file", { path = path, edits = { { oldText = "two", newText = "TWO" } } }))
    assert.truthy(diff.content:find "%+TWO")
    assert(peer.call("create_directory", { path = folder .. "/sub" }))
    assert.same({ content = "[FILE] note.txt\n[DIR] sub" }, peer.call("list_directory", { path = folder }))
    assert(peer.call("move_file", { source = path, destination = folder .. "/sub/moved.txt" }))
    assert.same({ content = folder .. "/sub/moved.txt" },
      peer.call("search_files", { path = folder, pattern = "**/*.txt" }))
    assert.equal("one\nTWO\nthrée\n", help.read_file(folder .. "/sub/moved.txt"))
    local media = assert(peer.call("read_media_file", { path = folder .. "/sub/moved.txt" }))
    assert.equal("b25lClRXTwp0aHLDqWUK", media.content[1].resource.blob)
  end)

  it("takes an empty table for a list where its schema says list", function()
    assert(peer.call("directory_tree", { path = folder, excludePatterns = {} }))
    fails("schema", "/paths: expected at least 1 element", peer.call("read_multiple_files", { paths = {} }))
  end)

  it("keeps inside of its folder", function()
    local err = fails("tool", "Access denied", peer.call("read_text_file", { path = "/etc/hostname" }))
    assert.equal("delivered", err.delivery)
    fails("tool", "ENOENT", peer.call("read_text_file", { path = folder .. "/nothing" }))
  end)
end)

describe("server-memory", function()
  local peer = share("memory", function()
    return (help.child "memory")
  end)

  it("lists its tools", function()
    assert.equal(9, peer.tools)
    assert.same({}, peer.diagnostics)
  end)

  it("remembers, with lists that stay lists", function()
    local souk_entity = { name = "souk", entityType = "module", observations = { "is written in C" } }
    local lua_entity = { name = "lua", entityType = "language", observations = {} }
    local made = assert(peer.call("create_entities", { entities = { souk_entity, lua_entity } }))
    assert.same({ souk_entity, lua_entity }, made.entities)
    assert.equal("[]", souk.json.encode(made.entities[2].observations))
    local relation = { from = "souk", to = "lua", relationType = "speaks" }
    assert.same({ relations = { relation } }, peer.call("create_relations", { relations = { relation } }))
    assert.same({ results = { { entityName = "souk", addedObservations = { "is new" } } } },
      peer.call("add_observations", { observations = { { entityName = "souk", contents = { "is new" } } } }))
    local found = assert(peer.call("search_nodes", { query = "module" }))
    assert.same({ "is written in C", "is new" }, found.entities[1].observations)
    assert.is_true(assert(peer.call("delete_entities", { entityNames = { "souk" } })).success)
    local graph = assert(peer.call("read_graph", {}))
    assert.same({ lua_entity }, graph.entities)
    assert.equal("[]", souk.json.encode(graph.relations))
  end)

  it("says what it does not know", function()
    fails("tool", "Entity with name nobody not found",
      peer.call("add_observations", { observations = { { entityName = "nobody", contents = { "x" } } } }))
  end)
end)

-- A modern server: stateless, so that there is nothing to open but what was learnt.
local function modern(peer, session_id)
  it("is spoken to in its own revision", function()
    assert.equal(11, peer.tools)
    assert.same({ era = "modern", revision = "2026-07-28", client = "souk", authorised = false },
      peer.call("whoami", {}))
    local session = peer.market:sessions()[1]
    assert.equal("2026-07-28", session.protocol)
    assert.equal(session_id, session.id)
  end)

  it("answers calls, at once and together", function()
    assert.equal("ünïcödé", peer.call("echo", { text = "ünïcödé" }))
    assert.same({ sum = 3.5 }, peer.call("add", { a = 1, b = 2.5 }))
    local handles = {}
    for i = 1, 64 do
      handles[i] = assert(peer.market:start("mcp.modern.add", { a = i, b = 1 }))
    end
    for i = 1, 64 do
      assert.same({ sum = i + 1 }, handles[i]:wait())
    end
  end)

  it("answers server/discover, and reports errors", function()
    assert.same({ "2026-07-28" }, assert(peer.request "server/discover").supportedVersions)
    fails("tool", "data/a must be number", peer.call("add", { a = "x", b = 1 }, { validate = false }))
    local err = fails("rpc", "Method not found", peer.request "no/such")
    assert.equal(-32601, err.code)
    assert.equal("rejected", err.delivery)
    assert.equal(-32602, fails("rpc", "Tool nope not found",
      peer.request("tools/call", { name = "nope", arguments = souk.json.decode "{}" })).code)
  end)
end

describe("a server on the official packages, 2026-07-28", function()
  for _, answer in ipairs { "json", "sse" } do
    describe("answering as " .. answer, function()
      modern(share("modern", function()
        local server = servers.start("modern", { answer = answer })
        return { url = server.url }, server
      end), "stateless")
    end)
  end

  describe("over stdio", function()
    modern(share("modern", function()
      return (help.child "modern")
    end), "child")

    it("refuses a client that is pinned to an older revision", function()
      local market = open()
      local server = help.child "modern"
      server.protocol_version = "2025-06-18"
      local err = fails("rpc", "Unsupported protocol version", market:add_server("old", server))
      assert.equal(-32022, err.code)
      assert.equal("not_sent", err.delivery)
    end)
  end)

  describe("that speaks the older revisions, too", function()
    local server
    setup(function()
      server = servers.start("modern", { legacy = "stateless" })
    end)

    for _, revision in ipairs { "2025-03-26", "2025-06-18", "2025-11-25" } do
      it("speaks " .. revision .. " when souk is pinned to it", function()
        local market = open()
        assert.equal(11, market:add_server("old", { url = server.url, protocol_version = revision }))
        assert.equal("legacy", assert(market:call("mcp.old.whoami", {})).era)
        assert.same({ sum = 5 }, market:call("mcp.old.add", { a = 2, b = 3 }))
        assert.equal(revision, market:sessions()[1].protocol)
      end)
    end

    it("is spoken to in the newest when nothing is pinned", function()
      local market = open()
      assert(market:add_server("new", { url = server.url }))
      assert.equal("modern", assert(market:call("mcp.new.whoami", {})).era)
    end)
  end)
end)
