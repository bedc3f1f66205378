-- What is written about souk is true: tables, types, and the scripts that readers paste. What starts other programs is
-- tagged #harness, because those do not see the module under test.

local core = require "souk.core"
local dispatch = require "souk.dispatch"
local handle = require "souk.handle"
local help = require "spec.support.help"
local options = require "souk.options"
local readme = require "spec.tools.readme"
local server_face = require "souk.server"
local servers = require "spec.support.servers"
local souk = require "souk"

after_each(help.clean_up)
teardown(help.stop_servers)

local README = help.read_file "README.md"
local unpack = table.unpack or unpack
local TYPES = help.read_file "lua/souk/types.lua" .. help.read_file "lua/souk/types_methods.lua"

local function sorted(list)
  table.sort(list)
  return list
end

local function keys(set)
  local list = {}
  for key in pairs(set) do
    list[#list + 1] = key
  end
  return sorted(list)
end

-- The names of the fields of a class in types.lua.
local function fields(class)
  local list = {}
  for i, field in ipairs(readme.fields_of(class)) do
    list[i] = field.name
  end
  assert(#list > 0, "types.lua has no class " .. class)
  return sorted(list)
end

-- The alternatives of an alias in types.lua, name -> what is said about it.
local function alias(name)
  local seen = {}
  local block = TYPES:match("%-%-%-@alias " .. name:gsub("%.", "%%.") .. "\n(.-)\n\n")
  for value, text in (block .. "\n"):gmatch '%-%-%-| "([a-z_]+)" *([^\n]*)\n' do
    seen[value] = text:gsub("^# ", "")
  end
  return seen
end

-- The public names of a table of methods.
local function public(methods)
  local list = {}
  for name in pairs(methods) do
    if name:sub(1, 1) ~= "_" then
      list[#list + 1] = name
    end
  end
  return sorted(list)
end

-- The names that types.lua declares as functions of something.
local function declared(of)
  local list = {}
  for name in TYPES:gmatch("\nfunction " .. of .. "([%w_]+)%(") do
    list[#list + 1] = name
  end
  return sorted(list)
end

describe("the README", function()
  it("has every kind of error, with the meaning that the code gives it", function()
    local seen = {}
    local part = README:match "\n## Errors\n(.-)\n## "
    for kind, meaning in part:gmatch "\n| `([a-z]+)` | ([^\n]-) |" do
      seen[kind] = meaning
    end
    assert.same(souk.error_kinds, seen)
  end)

  it("has every option of souk.open, with its default", function()
    assert.is_true(readme.text() == README, "the table of options is not up to date: make readme")
    for name in pairs(readme.options()) do
      assert.truthy(README:find("\n| `" .. name .. "` |", 1, true), name)
    end
  end)

  it("has every option of add_server", function()
    local part = README:match "\n| option of `add_server` |(.-)\n\n"
    for name in pairs(options.known.server) do
      assert.truthy(part:find("`" .. name, 1, true), name)
    end
  end)

  it("has every public function", function()
    local part = README:match "\n## The Lua face\n(.-)\n## "
    for _, name in ipairs(public(core.market_methods)) do
      assert.truthy(part:find("[`:]" .. name .. "%("), name)
    end
    for _, name in ipairs(public(handle.metatable)) do
      assert.truthy(part:find("`" .. name .. "(", 1, true), name)
    end
    for _, name in ipairs(public(server_face.metatable)) do
      assert.truthy(part:find("`" .. name .. "(", 1, true), name)
    end
    for name in pairs(souk) do
      assert.truthy(part:find("`souk." .. name, 1, true), name)
    end
  end)

  it("has Lua that compiles", function()
    local count, folder = 0, help.folder()
    for block in README:gmatch "\n```lua\n(.-)\n```\n" do
      count = count + 1
      assert(loadfile(help.write_file(folder .. "/block.lua", block)))
    end
    assert.is_true(count >= 4)
  end)

  it("has a capability file that loads", function()
    local market = help.open()
    local count, diagnostics = market:load_text(README:match "\n```clojure\n(.-)\n```\n")
    assert.same({}, diagnostics)
    assert.equal(1, count)
    assert.equal("auto", market:get("mcp.github.get_me").metadata.mcp_requires_session)
  end)

  it("names files and targets of make that exist", function()
    local makefile = help.read_file "Makefile"
    for target in README:gmatch "`make ([a-z][a-z-]*)`" do
      assert.truthy(makefile:find("\n[a-z -]*" .. target:gsub("%-", "%%-") .. "[a-z -]*:"), "make " .. target)
    end
    for path in README:gmatch "`([%w_/]+%.%l+)`" do
      if path:find "/" then
        help.read_file(path)
      end
    end
  end)
end)

-- The rows of the table of protocol features: name, cells (letters, or "-"), proofs (letter -> file and title).
local function feature_rows()
  local part = README:match "<!%-%- table: protocol %-%->\n(.-)<!%-%- end: protocol %-%->"
  local rows = {}
  for line in part:gmatch "[^\n]+" do
    local cells = {}
    for cell in line:gmatch "| ([^|]+) " do
      cells[#cells + 1] = cell
    end
    if #cells == 7 and cells[1] ~= "feature" then
      local proofs = {}
      for letter, file, title in cells[7]:gmatch "(%l) `([%w_/]+%.lua)`: \"([^\"]+)\"" do
        proofs[letter] = { file = file, title = title }
      end
      rows[#rows + 1] = { name = cells[1], cells = { unpack(cells, 2, 6) }, proofs = proofs }
    end
  end
  return rows
end

describe("the table of protocol features", function()
  local rows = feature_rows()

  it("has its rows", function()
    assert.truthy(#rows >= 25, #rows)
  end)

  for _, row in ipairs(rows) do
    it("names specs that exist: " .. row.name, function()
      for letter, proof in pairs(row.proofs) do
        local text = assert(help.read_file(proof.file), proof.file)
        assert.truthy(text:find('("' .. proof.title .. '"', 1, true), letter .. ": " .. proof.title)
      end
    end)

    it("shows what each cell claims: " .. row.name, function()
      local used = {}
      for _, cell in ipairs(row.cells) do
        if cell ~= "-" then
          assert.truthy(cell:find "^%l[ %l]*$", cell)
          for letter in cell:gmatch "%l" do
            assert.truthy(row.proofs[letter], letter)
            used[letter] = true
          end
        end
      end
      for letter in pairs(row.proofs) do
        assert.truthy(used[letter], letter .. " is used by no cell")
      end
    end)
  end
end)

describe("the map of the sources", function()
  it("names files and folders that exist", function()
    local map = help.read_file "src/README.md"
    local count = 0
    for room, file in map:gmatch "%f[%w](%l+)/([%w_]+%.[ch])%f[%W]" do
      help.read_file("src/" .. room .. "/" .. file)
      count = count + 1
    end
    for path in map:gmatch "lua/souk/[%w_/]+%.lua" do
      help.read_file(path)
      count = count + 1
    end
    assert.is_true(count > 20)
  end)
end)

describe("types.lua", function()
  it("has every kind of error, with the meaning that the code gives it", function()
    assert.same(souk.error_kinds, alias "souk.ErrorKind")
  end)

  it("has every event", function()
    assert.same(sorted { (table.unpack or unpack)(dispatch.events) }, keys(alias "souk.EventName"))
  end)

  it("has every option of souk.open, with its default", function()
    local all = readme.options()
    assert.same(keys(all), fields "souk.OpenOptions")
    for _, field in ipairs(readme.fields_of "souk.OpenOptions") do
      local default = readme.default_of(all[field.name])
      if type(all[field.name].default) == "number" then
        local said = field.text:match "default ([^;]+)$"
        assert.equal(default, said, field.name)
      end
    end
  end)

  it("has every option of add_server, and every function of a handler", function()
    assert.same(keys(options.known.server), fields "souk.ServerOptions")
    assert.same(keys(options.known.handler), fields "souk.Handler")
  end)

  it("has every option of call, list and policy", function()
    local market = help.open()
    -- The list of what there is, from the message about something that there is not.
    local function known(f, ...)
      local message = help.raises("there are: ", f, ...)
      local list = {}
      for name in message:match("there are: ([^)]+)"):gmatch "[%w_]+" do
        list[#list + 1] = name
      end
      return sorted(list)
    end
    assert.same(known(market.call, market, "x", {}, { unheard_of = 1 }), fields "souk.CallOptions")
    assert.same(known(market.list, market, { unheard_of = 1 }), fields "souk.Query")
    assert.same(known(souk.open, { policy = { unheard_of = 1 } }), fields "souk.Policy")
  end)

  it("has every public function, and none that does not exist", function()
    assert.same(public(core.market_methods), declared "Market:")
    assert.same(public(handle.metatable), declared "Handle:")
    assert.same(public(server_face.metatable), declared "Server:")
    local functions = declared "souk%."
    for _, field in ipairs(readme.fields_of "souk") do
      functions[#functions + 1] = field.name
    end
    functions[#functions + 1] = "json"
    assert.same(keys(souk), sorted(functions))
    assert.same(keys(souk.json), declared "souk%.json%.")
  end)

  it("has every member of a manifest, and every member may be registered", function()
    local market = help.open()
    local manifest = {
      id = "x", handler = function() end, name = "x", version = "1", description = "x", provider = "lua",
      permissions = { "one" }, effects = { "one" }, domains = { "one" }, categories = { "one" },
      input_schema = true, output_schema = true, annotations = { one = "two" }, metadata = { one = "two" },
    }
    assert.same(fields "souk.ManifestInput", keys(manifest))
    assert(market:register(manifest))
    assert.equal(1, (market:load_text [[(capability "y" :language "x" :unheard_of 1 :implementation (fn [] 1))]]))
    local documented = {}
    for _, name in ipairs(fields "souk.Manifest") do
      documented[name] = true
    end
    for _, one in ipairs(market:list()) do
      for name in pairs(one) do
        assert.is_true(documented[name], name)
      end
    end
  end)

  it("has every member of statistics, sessions, events, errors and diagnostics", function()
    local server = servers.start "scripted"
    local market = help.open()
    local events = {}
    market:on("*", function(event)
      for name in pairs(event) do
        events[name] = true
      end
    end)
    assert(market:add_server("s", { url = server.url }))
    assert.same(fields "souk.Stats", keys(market:stats()))
    assert.same(fields "souk.Session", keys(market:sessions()[1]))
    local function documented(class, seen)
      local all = {}
      for _, name in ipairs(fields(class)) do
        all[name] = true
      end
      for name in pairs(seen) do
        assert.is_true(all[name], class .. "." .. name)
      end
    end
    assert(market:request("s", "ping"))
    server:drop_sessions()
    assert(market:request("s", "ping"))
    documented("souk.Event", events)
    documented("souk.Error", select(2, market:call("mcp.s.fail", {})))
    documented("souk.Error", select(2, market:call("mcp.s.echo", {})))
    local _, diagnostics = market:load_text '(capability "z" :input-schema :wrong) (capability)'
    assert.is_true(#diagnostics > 0)
    for _, diagnostic in ipairs(diagnostics) do
      documented("souk.Diagnostic", diagnostic)
    end
  end)
end)

-- Runs a script as a reader would; returns what it prints, and whether it ended well.
local function run(command)
  local text = help.output_of("env -u SOUK_BUILD " .. command .. " 2>&1; echo \" exit code $?\"")
  return text:gsub("\n* exit code %d+$", ""), text:match " exit code (%d+)$" == "0"
end

local interpreter = type(jit) == "table" and "luajit" or "lua" .. _VERSION:match "%d%.%d"

describe("the first script of the README #harness", function()
  it("prints what its comments say when it is pasted", function()
    local script = README:match "<!%-%- example: first %-%->\n```lua\n(.-)\n```"
    local path = help.write_file(help.folder() .. "/first.lua", script)
    local output, ended_well = run(interpreter .. " " .. path)
    assert.is_true(ended_well, output)
    local first, second, rest = output:match "^([^\n]*)\n([^\n]*)(.*)$"
    assert.equal(script:match "%-%->%s*(%u+)\n", first)
    assert.truthy(second:find "^nil\ttext%.upper: schema: .*text", second)
    assert.equal("", rest)
  end)
end)

-- What each example has to print, among other things. The demo is looked at by spec/tools/demo_check.sh.
local examples = {
  ["01_demo.lua"] = false,
  ["02_many_calls.lua"] = {
    "64 calls have ended; the server worked on 64 of them at once",
    "timeout: the call is still running after 0.05 s",
    "mcp.forge.slow: cancelled: ",
    "calls: 66, sessions opened: 1, reused: 65 times",
  },
  ["03_own_handler.lua"] = {
    "ann: notes.read plan -> buy bread",
    "connection 1 is gone\n  open pad for ann\nann: notes.read plan -> buy bread",
    "sessions opened: 3, calls made once more: 1",
  },
  ["04_errors.lua"] = {
    "looked for the variables STRANGER_MCP_TOKEN, MCP_AUTH_TOKEN",
    "-> look before you call again: it may have happened",
    "mcp.forge.create_issue succeeded at attempt 3",
    "issues created in all: 2",
    "unknown option 'timeuot'",
  },
  ["05_questions.lua"] = {
    "--- 2025-11-25\nclerk asks for mcp.clerk.ask_form: Who are you?\nit got: Ann, 41, active\n",
    "--- 2026-07-28\nclerk asks for mcp.clerk.ask_form: Who are you?\nit got: Ann, 41, active\n",
    "it got: Hello! Hello!\nit got: file:///home/ann/work\nmeanwhile: other work\n",
    "/age: expected integer, got string\nit got: Bob",
  },
  ["06_resources.lua"] = {
    "speaks 2026-07-28\n",
    "Note 1, version 0\nNote 1, version 0\nread 1 time(s)\n",
    "brief, bold, baroque\nsouk://notes/1 has changed\n",
    "a new tool: lend",
  },
  ["07_tasks.lua"] = {
    "5 of 10\n10 of 10\nworked 50 ms\ntimeout\nthe task worked 1500 ms\ncancelled",
  },
  ["08_watch.lua"] = {
    "warning server 'forge' for ann: session ",
    "session_reused came 12 times, session_lost 1 time(s)",
    "\nserver  identity  state  id ",
    "\nsessions: opened 3, reused 12, lost 1, ",
    "1 of 14 calls of forge failed",
    "\nsouk_server_calls_total{server=\"forge\"} 14\n",
  },
  ["09_sessions.lua"] = {
    "there are 2 sessions, 1 of them held\nlost: closed, rejected\nothers did not notice: hello\n",
    "the same tab: true\nat most 3 at a time\n",
    "attempt 1: nobody was there\nbreaker_opened (shop)\nattempt 2: nobody was there\nattempt 3: failed at once\n",
    "breaker_trial (shop)\n", "breaker_closed (shop)\nit is there again",
  },
  ["10_at_once.lua"] = {
    "1: slept 40 ms\n2: hello\n3: failed, tool\n2 of 3 calls are still running after 0.2 s of waiting\n",
    "number 2 was first: slept 20 ms\nthe sum of 1 to 20 is 210, with at most 4 calls at once\n",
    "slept 0 ms, and went on\nslept 150 ms, and went on\nslept 300 ms, and went on",
  },
  ["11_event_loop.lua"] = {
    "1 of 2\n", "2 of 2\nthe loop went on: true", "ten calls of 100 ms took less than half a second: true\n",
  },
}

describe("the examples #harness", function()
  it("are all looked at", function()
    local found = {}
    for name in help.output_of("ls examples"):gmatch "[%w_]+%.lua" do
      found[#found + 1] = name
    end
    assert.same(keys(examples), sorted(found))
  end)

  for name, promises in pairs(examples) do
    if promises and _VERSION == "Lua 5.4" then
      it("show what they promise: " .. name, function()
        local output, ended_well = run("lua5.4 -e 'dofile \"spec/support/paths.lua\"' examples/" .. name)
        assert.is_true(ended_well, output)
        for _, promise in ipairs(promises) do
          assert.truthy(output:find(promise, 1, true), promise .. "\nis not in\n" .. output)
        end
        assert.is_nil(output:find("s3cret sesame", 1, true))
      end)
    end
  end
end)
