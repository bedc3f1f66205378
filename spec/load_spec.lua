-- Capability files through the public face: loading, what is said about broken ones, and writing them again.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails = help.open, help.fails

after_each(help.clean_up)
teardown(help.stop_servers)

local GET_ME = "spec/data/get_me.rtfs"

local function ids(market)
  local out = {}
  for i, manifest in ipairs(market:list()) do
    out[i] = manifest.id
  end
  return out
end

local function size(t)
  local count = 0
  for _ in pairs(t) do
    count = count + 1
  end
  return count
end

-- Loads a text that has no faults.
local function load_clean(market, text)
  local count, diagnostics = market:load_text(text, "here")
  assert.same({}, diagnostics)
  return count
end

describe("load", function()
  it("reads a file, and its nested metadata has eleven entries when it is flat", function()
    local market = open()
    local count, diagnostics = market:load(GET_ME)
    assert.equal(1, count)
    assert.same({}, diagnostics)
    local manifest = market:get "mcp.github.get_me"
    assert.equal("get_me", manifest.name)
    assert.equal("MCP", manifest.provider)
    assert.equal("mcp", manifest.provider_kind)
    assert.equal(11, size(manifest.metadata))
    assert.equal("auto", manifest.metadata.mcp_requires_session)
    assert.equal("MCP_AUTH_TOKEN", manifest.metadata.mcp_auth_env_var)
    assert.equal("https://api.githubcopilot.com/mcp/", manifest.metadata.mcp_server_url)
    for _, key in ipairs { "mcp_server_name", "mcp_tool_name", "mcp_protocol_version",
      "mcp_server_url_override_env", "discovery_method", "discovery_source_url", "discovery_created_at",
      "discovery_capability_type" } do
      assert.is_string(manifest.metadata[key], key)
    end
    assert.same({ "network.http" }, manifest.permissions)
    assert.same({ "network_request", "mcp_call" }, manifest.effects)
    assert.equal(GET_ME, manifest.file)
    assert.is_number(manifest.line)
    assert.truthy(manifest.implementation:find("(fn [input]", 1, true))
  end)

  it("reads a folder with all folders in it, in the order of their names", function()
    local folder = help.folder()
    os.execute(("mkdir -p %s/b/deep %s/a"):format(folder, folder))
    help.write_file(folder .. "/b/deep/one.rtfs", '(capability "3" :name "x")')
    help.write_file(folder .. "/z.rtfs", '(capability "4" :name "x")')
    help.write_file(folder .. "/a/2.rtfs", '(capability "2" :name "x")')
    help.write_file(folder .. "/a/1.rtfs", '(capability "1" :name "x")')
    help.write_file(folder .. "/a/notes.txt", "not ours")
    local market = open()
    assert.equal(4, market:load(folder))
    assert.same({ "1", "2", "3", "4" }, ids(market))
    assert.equal(folder .. "/a/1.rtfs", market:get("1").file)
  end)

  it("reads all examples without a complaint", function()
    local market = open()
    local count, diagnostics = market:load "examples/capabilities"
    assert.same({}, diagnostics)
    assert.equal(#market:list(), count)
    assert.truthy(count >= 6)
  end)

  it("says which file is missing", function()
    fails("file", "build/no_such_folder/x%.rtfs", open():load "build/no_such_folder/x.rtfs")
    assert.has_error(function() open():load() end)
    assert.has_error(function() open():load("a\0b") end)
  end)

  it("does not take a folder without capability files for success", function()
    local folder = help.folder()
    fails("file", "has no %.rtfs files", open():load(folder))
    help.write_file(folder .. "/readme.md", "")
    fails("file", "has no %.rtfs files", open():load(folder))
    os.execute("mkdir " .. folder .. "/x.rtfs")
    fails("file", "has no %.rtfs files", open():load(folder .. "/x.rtfs"))
  end)

  it("reports a file that cannot be read, and loads its neighbours", function()
    local folder = help.folder()
    os.execute(("ln -s %s/nowhere %s/broken.rtfs"):format(folder, folder))
    help.write_file(folder .. "/good.rtfs", '(capability "good" :name "x")')
    local market = open()
    local count, diagnostics = market:load(folder)
    assert.equal(1, count)
    assert.equal(1, #diagnostics)
    assert.equal("error", diagnostics[1].severity)
    assert.truthy(diagnostics[1].message:find("broken%.rtfs"))
    fails("file", "broken%.rtfs", market:load(folder .. "/broken.rtfs"))
  end)

  it("waits for no pipe", function()
    local folder = help.folder()
    os.execute("mkfifo " .. folder .. "/pipe.rtfs")
    fails("file", "pipe%.rtfs", open():load(folder .. "/pipe.rtfs"))
  end)

  it("does not go round in a circle of links", function()
    local folder = help.folder()
    os.execute(("mkdir %s/in && ln -s %s %s/in/again"):format(folder, folder, folder))
    help.write_file(folder .. "/in/one.rtfs", '(capability "one" :name "x")')
    assert.equal(1, (open():load(folder)))
  end)

  it("refuses files that are larger than max_file, and too many of them", function()
    local folder = help.folder()
    help.write_file(folder .. "/large.rtfs", '(capability "large" :name "' .. ("x"):rep(2000) .. '")')
    help.write_file(folder .. "/small.rtfs", '(capability "small" :name "x")')
    fails("limit", "large%.rtfs", open({ max_file = 1000 }):load(folder .. "/large.rtfs"))
    fails("limit", "more than 1 files", open({ max_files = 1 }):load(folder))
  end)

  it("warns when a file replaces what is there", function()
    local market = open()
    market:register { id = "mcp.github.get_me", handler = print }
    local count, diagnostics = market:load(GET_ME)
    assert.equal(1, count)
    assert.equal("warning", diagnostics[1].severity)
    assert.truthy(diagnostics[1].message:find "replaces a capability of the same id")
    assert.equal("mcp.github.get_me", diagnostics[1].capability)
  end)
end)

describe("a broken capability", function()
  it("is reported with its place, and its neighbours load", function()
    local market = open()
    local count, diagnostics = market:load_text(table.concat({
      '(capability "good.one" :name "x")',
      '(capability "bad.pairs" :name)',
      '(capability "good.two" :name "x")',
      '(capability "bad.type" :description 12)',
      '(capability "bad.bracket" :metadata {:a [1 2})',
      '(capability "good.three" :name "x")',
      "(capability)",
      '(capability "good.four" :name "x")',
    }, "\n"), "mixed.rtfs")
    assert.equal(4, count)
    assert.same({ "good.one", "good.two", "good.three", "good.four" }, ids(market))
    assert.equal(4, #diagnostics)
    local lines = {}
    for i, diagnostic in ipairs(diagnostics) do
      assert.equal("error", diagnostic.severity)
      assert.equal("mixed.rtfs", diagnostic.file)
      assert.is_number(diagnostic.column)
      lines[i] = diagnostic.line
    end
    assert.same({ 2, 4, 5, 7 }, lines)
    assert.equal("bad.pairs", diagnostics[1].capability)
    assert.truthy(diagnostics[1].message:find "expected a value behind :name")
    assert.truthy(diagnostics[2].message:find "description: expected a string, got")
    assert.equal(37, diagnostics[2].column)
  end)

  it("may be one with bytes that are no UTF-8", function()
    local market = open()
    local count, diagnostics = market:load_text('(capability "good" :name "x")\n(capability "bad" :name "\255\254")\n')
    assert.equal(1, count)
    assert.equal(1, #diagnostics)
    assert.equal(2, diagnostics[1].line)
    assert.truthy(diagnostics[1].message:find "UTF%-8")
  end)

  it("never gets its words into the program: nothing is evaluated", function()
    local market = open()
    local count = market:load_text '(capability (str "a" "b") :name "x") (launch "rockets")'
    assert.equal(0, count)
    assert.same({}, market:list())
  end)

  it("with a schema that nobody can use loads with a warning, and nothing is checked", function()
    local market = open()
    local count, diagnostics = market:load_text(
      '(capability "odd" :name "x" :input-schema-json "{\\"type\\":\\"nonsense\\"}")')
    assert.equal(1, count)
    assert.equal("warning", diagnostics[1].severity)
    assert.truthy(diagnostics[1].message:find "input schema cannot be used and is not checked")
  end)

  it("is told about when two paths of its metadata have the same flat key", function()
    local market = open()
    local _, diagnostics = market:load_text '(capability "a" :metadata {:mcp {:server_url "1"} :mcp_server_url "2"})'
    assert.equal("warning", diagnostics[1].severity)
    assert.truthy(diagnostics[1].message:find("mcp_server_url", 1, true))
    assert.equal("2", market:get("a").metadata.mcp_server_url)
  end)
end)

describe("every shape of a capability file", function()
  local market

  before_each(function()
    market = open()
  end)

  it("one capability, several, with comments and commas", function()
    assert.equal(3, load_clean(market, [[
      ; to the end of the line
      #| a block #| in a block |# |#
      (capability "a" :name "x", :version "2.0.0",)
      (capability "b") (capability :c :name "x")
    ]]))
    assert.equal("2.0.0", market:get("a").version)
    assert.same({ "a", "b", "c" }, ids(market))
  end)

  it("a (do ...) module", function()
    assert.equal(2, load_clean(market, '(do (capability "a" :name "x") (do (capability "b" :name "x")))'))
  end)

  it("a module definition with maps, string keys and commas", function()
    assert.equal(2, load_clean(market, [[
      (def module {:module-type "x", :capabilities [
        {:capability {"id" "a", "provider" {"type" "mcp", "server_endpoint" "http://h/mcp", "tool_name" "t"},
                      "permissions" ["p"]}, :input-schema {:n :int}, :output-schema nil},
        {:capability {"id" "b", "metadata" {"mcp" {"requires_session" true}}}}]})
    ]]))
    assert.equal("mcp", market:get("a").provider_kind)
    assert.same({ "p" }, market:get("a").permissions)
    assert.equal("integer", market:get("a").input_schema.properties.n.type)
    assert.equal("true", market:get("b").metadata.mcp_requires_session)
  end)

  it("type forms become JSON Schema", function()
    load_clean(market, [==[
      (capability "any" :input-schema :map :output-schema :any)
      (capability "entries" :input-schema [:map [:owner :string] [:page [:and :int [:in-range 1 100]] ?]])
      (capability "braces" :input-schema {:owner :string :tags [:vector :string]})
      (capability "choice" :input-schema [:map [:state [:enum "open" "closed"]] [:n [:union :int :nil]]])
    ]==])
    assert.equal("object", market:get("any").input_schema.type)
    local entries = market:get("entries").input_schema
    assert.same({ "owner" }, entries.required)
    assert.equal("string", entries.properties.owner.type)
    assert.equal("integer", entries.properties.page.type)
    assert.equal(100, entries.properties.page.maximum)
    local braces = market:get("braces").input_schema
    assert.equal("array", braces.properties.tags.type)
    assert.equal("string", braces.properties.tags.items.type)
    assert.same({ "open", "closed" }, market:get("choice").input_schema.properties.state.enum)
  end)

  it("keeps every property, also those without a meaning", function()
    load_clean(market, [[
      (capability "a" :provider {:type "mcp" :server_endpoint "http://h/mcp"} :version "3.1.4"
        :permissions [:network.http "files"] :effects :pure :domains [:forge] :categories ["crud.read"]
        :language "rtfs" :annotations {:readOnlyHint true} :runtime {:memory 3.5} :implementation (fn [x] x))
    ]])
    local a = market:get "a"
    assert.equal("3.1.4", a.version)
    assert.same({ "network.http", "files" }, a.permissions)
    assert.same({ "pure" }, a.effects)
    assert.same({ "forge" }, a.domains)
    assert.same({ "crud.read" }, a.categories)
    assert.is_true(a.annotations.readOnlyHint)
    assert.same({ memory = 3.5 }, a.extra.runtime)
    assert.equal("(fn [x] x)", a.implementation)
    assert.equal("mcp", a.provider_kind)
  end)

  it("values of metadata become texts, in every kind", function()
    load_clean(market, [[
      (capability "a" :metadata {:mcp {:text "as it is" :int 3 :float 2.5 :yes true :no false :word :auto
        :sym bare :none nil :list [1 "b" :c] :empty {} :dash-ed {:in-side 1}}})
    ]])
    assert.same({
      mcp_text = "as it is", mcp_int = "3", mcp_float = "2.5", mcp_yes = "true", mcp_no = "false",
      mcp_word = "auto", mcp_sym = "bare", mcp_list = '[1,"b","c"]', mcp_dash_ed_in_side = "1",
    }, market:get("a").metadata)
  end)
end)

describe("a file that replaces a function of the script", function()
  it("takes the function along", function()
    local market = open()
    assert(market:register { id = "a", handler = function() return "old" end })
    assert(market:register { id = "b", handler = function() return "kept" end })
    assert.equal(1, (market:load_text('(capability "a" :description "new")', "here")))
    fails("config", "has no function in this program", market:call("a"))
    assert.equal("kept", market:call("b"))
  end)
end)

describe("export", function()
  -- What must be the same after a file was written and read: everything but where it came from.
  local function comparable(manifest)
    manifest.file, manifest.line = nil, nil
    return manifest
  end

  local function round_trip(market, match)
    local path = help.folder() .. "/export.rtfs"
    local count = assert(market:export(path, match))
    local again = open()
    local loaded, diagnostics = again:load(path)
    assert.same({}, diagnostics)
    assert.equal(count, loaded)
    for _, manifest in ipairs(again:list()) do
      assert.same(comparable(market:get(manifest.id)), comparable(manifest))
    end
    return count, help.read_file(path), again
  end

  it("writes what load reads, for every example", function()
    local market = open()
    market:load "examples/capabilities"
    market:load(GET_ME)
    assert.equal(#market:list(), (round_trip(market)))
  end)

  it("writes what was registered from Lua", function()
    local market = open()
    assert(market:register { id = "text.upper", description = 'Says "it"\nlouder \\ ü', version = "1.2.3",
      provider = "lua", permissions = { "none" }, effects = { "pure" }, annotations = { idempotentHint = true },
      metadata = { text = { n = 3, list = souk.array { 1, 2 }, ["ключ"] = "v" } },
      input_schema = { type = "object", properties = { text = { type = "string", pattern = "^[a-z]+$" } },
        required = { "text" }, additionalProperties = false },
      output_schema = { anyOf = { { type = "string" }, { ["$ref"] = "#/anyOf/0" } } } })
    assert.equal(1, (round_trip(market)))
  end)

  it("writes only what matches", function()
    local market = open()
    for _, id in ipairs { "a.one", "a.two", "b.one" } do
      market:register { id = id }
    end
    local count, _, again = round_trip(market, "a.*")
    assert.equal(2, count)
    assert.same({ "a.one", "a.two" }, ids(again))
    assert.equal(0, market:export(help.folder() .. "/none.rtfs", "c.*"))
  end)

  it("says why it cannot write", function()
    fails("file", "no_such_folder", open():export "build/no_such_folder/x.rtfs")
  end)

  it("writes what was found on a server, and the file leads to the same server", function()
    local server = servers.start("scripted", { knobs = { token = "s3cret" } })
    local market = open { env = { FORGE_MCP_TOKEN = "s3cret" } }
    assert.equal(10, market:add_server("forge", { url = server.url, headers = { ["X-Key"] = "s3cret-key" } }))
    local count, text = round_trip(market, "mcp.forge.*")
    assert.equal(10, count)
    assert.is_nil(text:find("s3cret", 1, true))
    assert.is_nil(text:find("s3cret-key", 1, true))
    local other = open { env = { FORGE_MCP_TOKEN = "s3cret" } }
    assert.equal(10, (other:load_text(text)))
    assert.equal("souk-tester", assert(other:call("mcp.forge.get_me", {})).login)
    assert.same({}, server:ledger().violations)
    server:stop()
  end)

  it("leaves out what may be a secret, and says so", function()
    local market = open()
    market:register { id = "a", metadata = { mcp = {
      server_url = "http://h/", auth_token = "s3cret", password = "s3cret-pw", auth_env_var = "NAME_OF_A_VARIABLE",
    } } }
    local path = help.folder() .. "/secret.rtfs"
    assert.equal(1, market:export(path))
    local text = help.read_file(path)
    assert.is_nil(text:find("s3cret", 1, true))
    assert.is_nil(text:find("-pw", 1, true))
    assert.truthy(text:find("NAME_OF_A_VARIABLE", 1, true))
    assert.truthy(text:find("left out", 1, true))
    assert.equal(1, (open():load(path)))
  end)
end)
