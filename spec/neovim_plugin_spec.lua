-- The plugin in examples/neovim, in a real headless Neovim: its command and completion, forms, the floating window,
-- .mcp.json, :checkhealth. The user is spec/support/nvim_user.lua.

local cjson = require "cjson"
local nvim = require "spec.support.nvim"
local servers = require "spec.support.servers"

local PLUGIN = "examples/neovim"

local server
local folders = {}

setup(function()
  server = servers.start("scripted", { knobs = { all_tools = true } })
end)

teardown(function()
  server = nil
  servers.stop_all()
end)

before_each(function()
  server:reset()
  server:knobs { all_tools = true }
end)

after_each(function()
  for _, folder in ipairs(folders) do
    os.execute("rm -rf '" .. folder .. "'")
  end
  folders = {}
  servers.check()
end)

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

-- A project with this .mcp.json: a text, or a table of servers.
local function project(content)
  local folder = output_of "mktemp -d"
  folders[#folders + 1] = folder
  if content then
    local file = assert(io.open(folder .. "/.mcp.json", "w"))
    file:write(type(content) == "string" and content or cjson.encode { mcpServers = content })
    file:close()
  end
  return folder
end

local PRELUDE = [[
package.path = package.path .. ";" .. (...) .. "/?.lua"
user = require "spec.support.nvim_user"
require("souk_nvim").setup { trust = true }
]]

local TOP = output_of "pwd"

-- Runs a script in a project, with the plugin and a user.
local function run(content, script, options)
  options = options or {}
  local given = { TOP }
  for _, one in ipairs(options.arguments or {}) do
    given[#given + 1] = one
  end
  return nvim.value(PRELUDE .. "local _, argument = ...\n" .. script, {
    arguments = given, rtp = { PLUGIN }, cwd = project(content), env = options.env, timeout = 30,
  })
end

local function here()
  return { s = { type = "http", url = server.url } }
end

-- --- the command -----------------------------------------------------------------------------------------------------

describe(":Souk #harness", function()
  it("loads nothing before it is used", function()
    local loaded = nvim.value([[
      local before = {}
      for name in pairs(package.loaded) do
        if name:find "^souk" then
          before[#before + 1] = name
        end
      end
      return { before = #before, command = vim.fn.exists ":Souk" }
    ]], { rtp = { PLUGIN } })
    assert.same({ before = 0, command = 2 }, loaded)
  end)

  it("lets the user choose a server and a tool, asks for its arguments, and shows what it says", function()
    local content = here()
    content.other = { command = "/nowhere/at-all" }
    local got = run(content, [[
      user.answers = { user.pick "s: ", user.pick "echo - ", "hello" }
      vim.cmd "Souk"
      user.wait_for "done after"
      return { asked = user.asked, window = user.window() }
    ]])
    assert.same({ "other: not connected yet", "s: not connected yet" }, got.asked[1].items)
    assert.equal("Tool of s:", got.asked[2].prompt)
    assert.truthy(got.asked[3].prompt:find "^s%.echo: text %(string, required%)", got.asked[3].prompt)
    assert.equal("s.echo", got.window[1])
    assert.equal('{"text":"hello"}', got.window[2])
    assert.truthy(got.window[3]:find "^done after %d+%.%d s   q closes$", got.window[3])
    assert.equal("hello", got.window[5])
  end)

  it("calls what is named, with arguments as JSON", function()
    local window = run(here(), [[
      vim.cmd 'Souk call s.add {"a": 2, "b": 40}'
      user.wait_for "done after"
      return user.window()
    ]])
    assert.same({ "{", '  "sum": 42', "}" }, { window[5], window[6], window[7] })
  end)

  it("lists servers with their tools; Enter calls the one under the cursor", function()
    local content = here()
    content.gone = { url = "http://127.0.0.1:1/mcp" }
    local got = run(content, [[
      vim.cmd "Souk list"
      user.wait(function() return user.sees "tools" and user.sees "refused" end)
      local listed = user.window()
      user.answers = { user.CANCEL }
      vim.fn.search "^  add "
      user.press "<CR>"
      user.wait(function() return #user.asked == 1 end)
      return { listed = listed, asked = user.asked[1].prompt, window = user.window() or "closed" }
    ]])
    assert.truthy(got.listed[1]:find "^gone: transport.*refused", got.listed[1])
    assert.equal("s: N tools", (got.listed[3]:gsub("%d+", "N")))
    assert.truthy(table.concat(got.listed, "\n"):find "\n  add +%S")
    assert.truthy(got.asked:find "^s%.add: a %(number, required%)", got.asked)
    assert.equal("closed", got.window)
  end)

  it("completes subcommands, servers and tools", function()
    local content = here()
    content.other = { command = "/nowhere/at-all" }
    local got = run(content, [[
      local function complete(line) return vim.fn.getcompletion(line, "cmdline") end
      return { complete "Souk ", complete "Souk ca", complete "Souk list ", complete "Souk call ",
        complete "Souk call s.e", complete "Souk call s.nothing", complete "Souk call other.",
        complete "Souk call s.echo " }
    ]])
    assert.same({ "call", "cancel", "list", "restart", "result", "status" }, got[1])
    assert.same({ "call", "cancel" }, got[2])
    assert.same({ "other", "s" }, got[3])
    assert.same({ "other.", "s." }, got[4])
    assert.same({ "s.echo", "s.end_listen" }, got[5])
    assert.same({}, got[6])
    assert.same({ "other." }, got[7])
    assert.same({}, got[8])
  end)

  it("says in a message what cannot be done", function()
    local said = run(here(), [[
      for _, line in ipairs { "nonsense", "call t.echo", "call s.ecco", "call s.echo {", "call s.echo 3", "list t",
        "cancel", "result" } do
        vim.cmd("Souk " .. line)
        vim.wait(300, function() return #user.said > 0 and line ~= "call s.ecco" end, 5)
      end
      user.wait(function() return #user.said >= 9 end)
      return vim.tbl_map(function(one) return one.text end, user.said)
    ]])
    table.sort(said)
    local all = table.concat(said, "\n")
    for _, text in ipairs {
      "there is no subcommand 'nonsense' (there are: call, cancel,",
      "there is no server for 't.echo': write server.tool",
      "s has no tool 'ecco'", "the arguments of s.echo: protocol: ", "the arguments of s.echo: expected a JSON object",
      "there is no server 't'", "nothing is running", "nothing was called yet",
    } do
      assert.truthy(all:find(text, 1, true), all)
    end
    assert.falsy(all:find "traceback")
  end)

  it("says that there is no file, or no server in it", function()
    local script = [[
      vim.cmd "Souk"
      user.wait(function() return #user.said > 0 end)
      return user.said[1].text
    ]]
    assert.truthy(run(nil, script):find "there is no .mcp.json here or above")
    assert.truthy(run("{\"mcpServers\":{}}", script):find "there is no server in /")
  end)

  it("shows sessions and counters, and starts anew", function()
    local got = run(here(), [[
      vim.cmd 'Souk call s.echo {"text":"x"}'
      user.wait_for "done after"
      user.press "q"
      vim.cmd "Souk status"
      local status = user.window()
      user.press "<Esc>"
      vim.cmd "Souk restart"
      local sessions = #require("souk_nvim").market():sessions()
      vim.cmd 'Souk call s.echo {"text":"again"}'
      user.wait_for "done after"
      return { status = table.concat(status, "\n"), sessions = sessions, window = user.window() }
    ]])
    assert.truthy(got.status:find "\ns +%- +open", got.status)
    assert.truthy(got.status:find "calls: %d", got.status)
    assert.equal("again", got.window[5])
  end)
end)

-- --- forms -----------------------------------------------------------------------------------------------------------

-- Adds a tool to the server that gives back what it was called with.
local function tool(name, properties, required, more)
  local schema = { type = "object", properties = properties, required = required }
  for key, value in pairs(more or {}) do
    schema[key] = value
  end
  server:set_tools { add = { { name = name, description = name, inputSchema = schema } } }
end

-- Calls s.<name> with these answers (a list, as Lua), and gives what was asked and what the server got.
local function fill(name, answers)
  return run(here(), ([[
    user.answers = %s
    vim.cmd "Souk call s.%s"
    user.wait(function() return user.sees "done after" or user.sees "failed after" or #user.said > 1
      or (#user.answers == 0 and vim.wait(200, function() return user.window() end)) or #user.answers == 0 end)
    user.wait(function() return not user.window() or user.sees " after " end)
    local text = table.concat(user.window() or {}, "\n", user.window() and 5 or 1)
    local ok, got = pcall(vim.json.decode, text)
    return { asked = user.asked, said = user.said, got = ok and got.input or text, window = user.window() }
  ]]):format(answers, name))
end

describe("a form #harness", function()
  it("asks for what is required first, insists on it, and takes nothing that does not fit", function()
    tool("order", {
      what = { type = "string", description = "What you want." },
      count = { type = "integer", minimum = 1, maximum = 10 },
      price = { type = "number" }, note = { type = "string" },
    }, { "what", "count", "price" })
    local result = fill("order", [[{ "", "tea", "many", "2.5", "11", "3", "0x10", "1e3", user.pick "call it" }]])
    assert.same({ what = "tea", count = 3, price = 1000 }, result.got)
    local prompts = {}
    for i, one in ipairs(result.asked) do
      prompts[i] = one.prompt
    end
    assert.truthy(prompts[1]:find "^s%.order: what %(string, required%): What you want%.: $", prompts[1])
    assert.truthy(prompts[2]:find('^it is required; "" is the empty text. s.order: what', 1), prompts[2])
    assert.truthy(prompts[3]:find "count %(integer from 1 up to 10, required%)", prompts[3])
    for i = 4, 6 do
      assert.truthy(prompts[i]:find "^expected integer from 1 up to 10%. s%.order: count", prompts[i])
    end
    assert.equal("many", result.asked[4].default)
    assert.truthy(prompts[8]:find "^expected number%. ", prompts[8])
    assert.equal("s.order: more to give?:", prompts[9])
    assert.same({ "(call it)", "note (string): not given" }, result.asked[9].items)
  end)

  it("lets choose enums, booleans and several of a list, and offers defaults", function()
    tool("paint", {
      colour = { type = "string", enum = { "red", "green" }, default = "green" },
      level = { oneOf = { { const = 1, title = "low" }, { const = 2, title = "high" } } },
      wet = { type = "boolean" },
      tags = { type = "array", items = { type = "string", enum = { "a", "b", "c" } } },
      size = { type = "integer", default = 7 }, words = { type = "array", items = { type = "string" } },
      shape = { ["$ref"] = "#/$defs/shape" }, maybe = { anyOf = { { type = "integer" }, { type = "null" } } },
      anything = { description = "whatever" },
    }, { "colour", "level", "wet", "tags", "size" }, {
      ["$defs"] = { shape = { type = "object", properties = { x = { type = "integer" } } } },
    })
    local result = fill("paint", [[{
      user.pick "green", user.pick "high", user.pick "false", user.pick "a", user.pick "c", user.pick "[x] a",
      user.pick "b", user.pick "(done)", user.KEEP,
      user.pick "words", "tea", '["x", 1.5', '["x"]', user.pick "shape", '{"x": 2}',
      user.pick "maybe", "", user.pick "maybe", "5", user.pick "anything", "plain words", user.pick "call it" }]])
    assert.same({
      colour = "green", level = 2, wet = false, tags = { "b", "c" }, size = 7, words = { "x" }, shape = { x = 2 },
      maybe = 5, anything = "plain words",
    }, result.got)
    assert.same({ "red", "green  (default)" }, result.asked[1].items)
    assert.same({ "low", "high" }, result.asked[2].items)
    assert.same({ "true", "false" }, result.asked[3].items)
    assert.same({ "[ ] a", "[ ] b", "[ ] c", "(done)" }, result.asked[4].items)
    assert.same({ "[ ] a", "[x] b", "[x] c", "(done)" }, result.asked[8].items)
    assert.equal("7", result.asked[9].default)
    assert.truthy(result.asked[12].prompt:find "^expected JSON array%. ", result.asked[12].prompt)
    assert.truthy(result.asked[13].prompt:find "^expected JSON: column %d+: ", result.asked[13].prompt)
  end)

  it("leaves out what is optional and not given, and shows what holds then", function()
    tool("rest", {
      mode = { type = "string", enum = { "fast", "slow" }, default = "slow" }, deep = { type = "boolean" },
    })
    local result = fill("rest", [[{ user.pick "mode", user.pick "fast", user.pick "deep", user.pick "true",
      user.pick "deep", user.pick "leave it out", user.pick "mode", user.CANCEL, user.pick "call it" }]])
    assert.same({ mode = "fast" }, result.got)
    assert.same({ "(call it)", "deep (boolean): not given", "mode (string): slow by default" }, result.asked[1].items)
    assert.same({ "(call it)", "deep (boolean): true", "mode (string): fast" }, result.asked[5].items)
  end)

  it("asks nothing when nothing can be given, and for JSON when anything can", function()
    server:set_tools { add = { { name = "none", inputSchema = { type = "object" } } } }
    assert.equal(0, #fill("none", "{}").asked)
    server:set_tools { add = { { name = "free", inputSchema = { type = "object", additionalProperties = true } } } }
    assert.same({ deep = { 1 } }, fill("free", [[{ '{"deep": [1]}' }]]).got)
  end)

  it("is given up with Esc, and nothing is called", function()
    tool("order", { what = { type = "string" } }, { "what" })
    local result = fill("order", "{ user.CANCEL }")
    assert.is_nil(result.window)
    assert.is_nil(server:ledger().tools.order)
  end)

  it("asks only for what is missing when arguments were given", function()
    tool("order", { what = { type = "string" }, count = { type = "integer" }, note = { type = "string" } },
      { "what", "count" })
    local got = run(here(), [[
      user.answers = { "3" }
      vim.cmd 'Souk call s.order {"what": "tea"}'
      user.wait_for "done after"
      return { asked = #user.asked, window = table.concat(user.window(), "", 5) }
    ]])
    assert.equal(1, got.asked)
    assert.same({ what = "tea", count = 3 }, cjson.decode(got.window).input)
  end)

  it("says an input that souk refuses, with the schema's words", function()
    tool("strict", { code = { type = "string", pattern = "^[A-Z]+$" } }, { "code" })
    local result = fill("strict", [[{ "abc" }]])
    assert.truthy(result.window[3]:find "^failed after", result.window[3])
    assert.truthy(result.window[5]:find "schema: .*code", result.window[5])
    assert.is_nil(server:ledger().tools.strict)
  end)
end)
