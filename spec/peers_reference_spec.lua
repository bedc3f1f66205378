-- What server-filesystem and server-memory, two reference servers over stdio, have beside their tools (peers_spec.lua
-- has those): the first works in the roots that its client names, the second has a resource that changes.

local help = require "spec.support.help"
local souk = require "souk"

local open, fails = help.open, help.fails

after_each(help.clean_up)
teardown(help.stop_servers)

local PATHS = { PATH = os.getenv "PATH" }

describe("server-filesystem", function()
  -- What the server says that it may work in, in the order of their names.
  local function allowed(market)
    local list = {}
    for path in assert(market:call("mcp.files.list_allowed_directories", {})).content:gmatch "\n(/[^\n]*)" do
      list[#list + 1] = path
    end
    table.sort(list)
    return list
  end

  local function allows(market, ...)
    local wanted = table.concat({ ... }, ":")
    help.step_until(market, function() return table.concat(allowed(market), ":") == wanted end)
  end

  -- Folders "given" (on the command line), "one two" and "three", and how the server is started.
  local function folders()
    local base = help.folder()
    local list = {}
    for _, name in ipairs { "given", "one two", "three" } do
      list[name] = base .. "/" .. name
      os.execute("mkdir '" .. list[name] .. "'")
    end
    return list, (help.child("filesystem", { folder = list.given }))
  end

  it("works in the folder of its command line for who has no roots", function()
    local folder, where = folders()
    local market = open { env = PATHS }
    assert(market:add_server("files", where))
    assert.same({ folder.given }, allowed(market))
  end)

  it("works in the roots, and in others when they have changed", function()
    local folder, where = folders()
    local roots = { folder["one two"], { uri = "file://" .. folder.three, name = "Three" } }
    local asked = {}
    local market = open {
      env = PATHS,
      roots = function(request)
        asked[#asked + 1] = request
        return roots
      end,
    }
    assert(market:add_server("files", where))
    allows(market, folder["one two"], folder.three)
    assert.equal(1, #asked)
    assert.equal("roots/list", asked[1].method)
    assert.equal("files", asked[1].server)

    local note = folder["one two"] .. "/note.txt"
    assert(market:call("mcp.files.write_file", { path = note, content = "in a root" }))
    assert.equal("in a root", help.read_file(note))
    fails("tool", "Access denied",
      market:call("mcp.files.write_file", { path = folder.given .. "/note.txt", content = "not in a root" }))

    roots = { folder.given }
    assert.is_true(market:server("files"):notify "notifications/roots/list_changed")
    allows(market, folder.given)
    assert.equal(2, #asked)
    fails("tool", "Access denied", market:call("mcp.files.read_text_file", { path = note }))
  end)

  it("keeps what it had when the roots are refused", function()
    local folder, where = folders()
    where.roots = function() return nil, "no roots for you" end
    local market = open { env = PATHS, roots = { "/of/others" } }
    assert(market:add_server("files", where))
    assert.same({ folder.given }, allowed(market))
  end)
end)

describe("server-memory", function()
  local GRAPH = "memory://knowledge-graph"

  local function entity(name)
    return { entities = { { name = name, entityType = "thing", observations = souk.array {} } } }
  end

  it("has its graph as a resource, and tells of its changes", function()
    local market = open { env = PATHS }
    assert(market:add_server("memory", (help.child "memory")))
    local server = market:server "memory"
    local updated, listening = {}, 0
    market:on("resource_updated", function(event) updated[#updated + 1] = event end)
    market:on("listening", function() listening = listening + 1 end)

    local resources = assert(server:resources())
    assert.equal(1, #resources)
    assert.equal(GRAPH, resources[1].uri)
    assert.equal("Knowledge Graph", resources[1].title)
    assert.same({ entities = {}, relations = {} }, souk.json.decode(assert(server:read(GRAPH))[1].text))

    assert(market:call("mcp.memory.create_entities", entity "unheard"))
    local before = listening
    assert.is_true(server:subscribe(GRAPH))
    help.step_until(market, function() return listening > before end)
    assert.same({}, updated)
    assert(market:call("mcp.memory.create_entities", entity "heard"))
    help.step_until(market, function() return #updated == 1 end)
    assert.equal(GRAPH, updated[1].uri)
    assert.equal("memory", updated[1].server)
    local graph = souk.json.decode(assert(server:read(updated[1].uri))[1].text)
    assert.equal("unheard", graph.entities[1].name)
    assert.equal("heard", graph.entities[2].name)
  end)

  it("remembers in a file what a child before it was told, and is subscribed to anew", function()
    local where = help.child("memory", { file = help.folder() .. "/memory.jsonl" })
    local market = open { env = PATHS }
    assert(market:add_server("memory", where))
    local server = market:server "memory"
    local updated, listening = 0, 0
    market:on("resource_updated", function() updated = updated + 1 end)
    market:on("listening", function() listening = listening + 1 end)
    assert.is_true(server:subscribe(GRAPH))
    help.step_until(market, function() return listening > 0 end)
    assert(market:call("mcp.memory.create_entities", entity "lasting"))
    help.step_until(market, function() return updated == 1 end)

    local pid = help.children("server-memory/dist/index.js")[1]
    local before = listening
    os.execute("kill -9 " .. pid)
    help.step_until(market, function() return listening > before end)
    assert.not_equal(pid, help.children("server-memory/dist/index.js")[1])
    local graph = souk.json.decode(assert(server:read(GRAPH))[1].text)
    assert.equal("lasting", graph.entities[1].name)
    assert(market:call("mcp.memory.create_entities", entity "new"))
    help.step_until(market, function() return updated == 2 end)
  end)
end)
