-- The plugin in examples/neovim, in a real headless Neovim: its command and completion, forms, the floating window,
-- questions of servers. What it reads, checks and leaves behind is in neovim_project_spec.lua.

local cjson = require "cjson"
local nvim = require "spec.support.nvim"
local plugin = require "spec.support.nvim_plugin"
local servers = require "spec.support.servers"

local run, here = plugin.run, plugin.here

setup(plugin.start_server)
teardown(plugin.stop)
before_each(plugin.reset)
after_each(plugin.clean_up)

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
    ]], { rtp = { plugin.folder } })
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
    assert.truthy(got.listed[3]:find "^gone: transport.*refused", got.listed[3])
    assert.equal("s: N tools", (got.listed[5]:gsub("%d+", "N")))
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
      "s has no tool 'ecco'", "the arguments of s.echo: column 2: ", "the arguments of s.echo: expected a JSON object",
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
  plugin.server():set_tools { add = { { name = name, description = name, inputSchema = schema } } }
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
    assert.equal("s.order: more to give?", prompts[9])
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
    plugin.server():set_tools { add = { { name = "none", inputSchema = { type = "object" } } } }
    assert.equal(0, #fill("none", "{}").asked)
    local anything = { type = "object", additionalProperties = true }
    plugin.server():set_tools { add = { { name = "free", inputSchema = anything } } }
    assert.same({ deep = { 1 } }, fill("free", [[{ '{"deep": [1]}' }]]).got)
  end)

  it("is given up with Esc, and nothing is called", function()
    tool("order", { what = { type = "string" } }, { "what" })
    local result = fill("order", "{ user.CANCEL }")
    assert.is_nil(result.window)
    assert.is_nil(plugin.server():ledger().tools.order)
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
    assert.is_nil(plugin.server():ledger().tools.strict)
  end)
end)

-- --- the window of a call --------------------------------------------------------------------------------------------

describe("a call #harness", function()
  before_each(function()
    plugin.server():knobs { answer = "sse" } -- which progress needs
  end)

  it("shows its progress while the editor goes on", function()
    local got = run(here(), [[
      local ticks, seen = 0, {}
      local timer = vim.loop.new_timer()
      timer:start(5, 5, function() ticks = ticks + 1 end)
      vim.cmd 'Souk call s.slow {"ms": 600, "steps": 6}'
      local before = ticks
      user.wait(function()
        local now = table.concat(user.window() or {}, "\n")
        if seen[#seen] ~= now then
          seen[#seen + 1] = now
        end
        return user.sees "done after"
      end)
      timer:close()
      return { ticks = ticks - before, seen = seen }
    ]])
    local all = table.concat(got.seen, "\n\n")
    assert.truthy(all:find "running for 0%.%d s   c cancels, q closes and lets it run")
    assert.truthy(all:find(("█"):rep(15) .. ("░"):rep(15) .. "  50 %  3 of 6\nstep 3 of 6", 1, true), all)
    assert.truthy(got.seen[#got.seen]:find "slept 600 ms")
    assert.falsy(got.seen[#got.seen]:find "█")
    assert.is_true(got.ticks > 60, "a timer of 5 ms fired only " .. got.ticks .. " times in 600 ms")
  end)

  it("is cancelled by a key in its window, and by :Souk cancel", function()
    local got = run(here(), [[
      local windows = {}
      for i, how in ipairs { function() user.press "c" end, function() vim.cmd "Souk cancel" end } do
        vim.cmd 'Souk call s.slow {"ms": 20000, "steps": 20000}'
        user.wait_for " of 20000"
        how()
        user.wait_for "cancelled after"
        windows[i] = user.window()
        user.press "q"
      end
      vim.cmd "Souk cancel"
      return { windows = windows, said = user.said }
    ]])
    for _, window in ipairs(got.windows) do
      assert.truthy(window[5]:find "cancelled", window[5])
    end
    assert.equal("souk: nothing is running", got.said[#got.said].text)
    assert.equal(2, plugin.server():ledger().methods["notifications/cancelled"] or 0)
  end)

  it("is not waited for when its server does not answer, and :Souk cancel gives that up", function()
    local deaf = servers.start "deaf"
    local got = run({ d = { url = deaf.url } }, [[
      vim.cmd "Souk call d.echo"
      vim.wait(100, function() return false end)
      vim.cmd "Souk cancel"
      user.wait_for "d: it was given up"
      vim.cmd "Souk cancel"
      return user.said
    ]])
    deaf:stop()
    assert.equal("souk: connecting to d ... (:Souk cancel gives it up)", got[1].text)
    assert.equal("souk: nothing is running", got[#got].text)
  end)

  it("is chosen by the user when several are to be cancelled", function()
    local got = run(here(), [[
      vim.cmd 'Souk call s.slow {"ms": 20000}'
      user.wait_for "running"
      user.press "q"
      vim.cmd 'Souk call s.meet {"count": 2, "ms": 20000}'
      user.wait_for "running"
      user.answers = { user.pick "s.slow" }
      vim.cmd "Souk cancel"
      user.wait_for "s.slow"
      local items = user.asked[1].items
      local still = user.sees "running"
      vim.cmd "Souk cancel"
      user.wait_for "cancelled after"
      return { items = items, still = still, said = user.said }
    ]])
    assert.equal(2, #got.items)
    assert.truthy(got.items[1]:find "^s%.slow, for %d+%.%d s$", got.items[1])
    assert.is_true(got.still)
  end)

  it("goes on when its window is closed; a message and :Souk result tell how it ended", function()
    local got = run(here(), [[
      vim.cmd 'Souk call s.slow {"ms": 200}'
      user.wait_for "running"
      user.press "<Esc>"
      local closed = user.window() == nil
      user.wait_for "s.slow is done; :Souk result shows it"
      vim.cmd "Souk result"
      return { closed = closed, window = user.window() }
    ]])
    assert.is_true(got.closed)
    assert.equal("slept 200 ms", got.window[5])
  end)

  it("shows errors of tools and servers, and no stack", function()
    local got = run(here(), [[
      local windows = {}
      for _, line in ipairs {
        's.fail {"message": "no\\nsuch luck"}', 's.fail {"message": 3}', 's.task {"fail": "rpc"}',
      } do
        vim.cmd("Souk call " .. line)
        user.wait_for "failed after"
        windows[#windows + 1] = table.concat(user.window(), "\n")
        user.press "q"
      end
      return windows
    ]])
    assert.truthy(got[1]:find "mcp%.s%.fail: tool: server 's': no\nsuch luck", got[1])
    assert.truthy(got[2]:find "schema: .*message", got[2])
    assert.truthy(got[3]:find "the task failed", got[3])
    assert.truthy(got[3]:find('{\n  "reason": "it was told to"\n}', 1, true), got[3])
    assert.falsy(table.concat(got):find "traceback")
  end)

  it("shows content of every kind, and texts as they are", function()
    local got = run(here(), [[
      local windows = {}
      for _, line in ipairs {
        's.mixed', 's.echo {"text": "a\\n\\n  b\\ttab\\u0000\\u001b[31m"}',
        's.list_issues {"owner": "o", "repo": "r", "perPage": 2}',
      } do
        vim.cmd("Souk call " .. line)
        user.wait_for "done after"
        windows[#windows + 1] = vim.list_slice(user.window(), line == "s.mixed" and 4 or 5)
        user.press "q"
      end
      return windows
    ]])
    assert.same({ "a picture:", "[image: image/png, 9 bytes]", "[notes: souk://notes/1]" }, got[1])
    assert.same({ "a", "", "  b\ttab\0\27[31m" }, got[2])
    assert.same({ "[", "  {", '    "id": 1000130,' }, { got[3][1], got[3][2], got[3][3] })
  end)

  it("does not hold up the editor with a text that nobody reads to its end", function()
    local window = run(here(), [[
      vim.cmd 'Souk call s.big {"bytes": 3000000}'
      user.wait_for "done after"
      local window = user.window()
      return { window[1], #window[5], window[6] }
    ]])
    assert.same({ "s.big", 1024 * 1024, "[the rest is not shown: the text has 3000000 bytes]" }, window)
  end)

  it("has a window that fits the screen, whatever is in it", function()
    local got = run(here(), [[
      vim.o.columns, vim.o.lines = 60, 20
      vim.cmd 'Souk call s.big {"bytes": 100000}'
      user.wait_for "done after"
      local function place()
        local config = vim.api.nvim_win_get_config(0)
        return { config.width, config.height }
      end
      local first = place()
      vim.o.columns, vim.o.lines = 100, 40
      vim.cmd "doautocmd VimResized"
      return { first, place(), #user.window() }
    ]])
    assert.same({ 52, 12 }, { got[1][1], got[1][2] })
    assert.same({ 92, 32 }, { got[2][1], got[2][2] })
  end)
end)

describe("a server of others #harness", function()
  it("is a child, whose tools are listed, completed and called", function()
    local child = servers.stdio "everything"
    local got = run({ everything = { command = child.command, args = child.args, env = child.env } }, [[
      local completed = vim.fn.getcompletion("Souk call everything.get-s", "cmdline")
      vim.cmd 'Souk call everything.trigger-long-running-operation {"duration": 0.4, "steps": 2}'
      user.wait_for "1 of 2"
      local middle = user.window()
      user.wait_for "done after"
      local last = user.window()
      user.press "q"
      user.answers = { user.pick "Chicago" }
      vim.cmd "Souk call everything.get-structured-content"
      user.wait_for "done after"
      return { completed = completed, middle = middle, last = last, window = user.window(), asked = user.asked }
    ]])
    assert.same({ "everything.get-structured-content", "everything.get-sum" }, got.completed)
    assert.equal(("█"):rep(15) .. ("░"):rep(15) .. "  50 %  1 of 2", got.middle[5])
    assert.truthy(got.last[5]:find "^Long running operation completed", got.last[5])
    assert.same({ "New York", "Chicago", "Los Angeles" }, got.asked[1].items)
    assert.truthy(table.concat(got.window):find '"temperature": %-?%d', table.concat(got.window))
  end)
end)

-- --- questions of servers --------------------------------------------------------------------------------------------

describe("a question of a server #harness", function()
  it("is put as a form, and put again until the answer fits", function()
    local got = run(here(), [[
      user.answers = { user.pick "Answer", "", "Ben", "old", "41", user.KEEP, user.pick "false", user.pick "pending",
        user.pick "[x] red", user.pick "(done)" }
      vim.cmd 'Souk call s.ask_form {"message": "Who are you?"}'
      user.wait_for "done after"
      return { asked = user.asked, got = vim.json.decode(table.concat(user.window(), "", 5)) }
    ]])
    assert.equal("server s asks: Who are you?", got.asked[1].prompt)
    assert.same({ "Answer", "Decline" }, got.asked[1].items)
    assert.equal("accept", got.got.action)
    local content = got.got.content
    assert.same({ "Ben", 41, 95.5, false, "pending", { "blue" } }, {
      content.name, content.age, content.score, content.verified, content.status, content.tags })
  end)

  it("can be declined, or cancelled", function()
    local got = run(here(), [[
      local ends = {}
      for i, answer in ipairs { user.pick "Decline", user.CANCEL } do
        user.answers = { answer }
        vim.cmd 'Souk call s.ask_form {"message": "Who are you?"}'
        user.wait_for "done after"
        ends[i] = vim.json.decode(table.concat(user.window(), "", 5)).action
        user.press "q"
      end
      return ends
    ]])
    assert.same({ "decline", "cancel" }, got)
  end)

  it("waits until what the user is typing is done", function()
    local got = run(here(), [[
      vim.cmd 'Souk call s.echo {"text": "connected now"}'
      user.wait_for "done after"
      user.press "q"
      user.answers = { user.pick "Decline" }
      local handle, asked
      -- Waits in insert mode, as long as this mapping does not return.
      vim.keymap.set("i", "<F2>", function()
        handle = require("souk_nvim").market():start("mcp.s.ask_form", { message = "Now?" })
        vim.wait(5000, function() return user.hears "the server s has a question" end, 5)
        asked = #user.asked
      end)
      user.press "ihello<F2> again<Esc>"
      user.wait(function() return #user.asked > 0 and handle:done() end)
      return { asked = asked, prompt = user.asked[1].prompt, typed = vim.fn.getline(1) }
    ]])
    assert.equal(0, got.asked)
    assert.equal("server s asks: Now?", got.prompt)
    assert.equal("hello again", got.typed)
  end)

  it("for folders to work in is answered with that of the project", function()
    local got = run(here(), [[
      vim.cmd "Souk call s.ask_roots {}"
      user.wait_for "done after"
      return { window = table.concat(user.window(), ""), folder = vim.loop.fs_realpath(vim.fn.getcwd()) }
    ]])
    assert.truthy(got.window:find("file://" .. got.folder, 1, true), got.window)
  end)

  it("may be a URL, which is shown and visited by nobody but the user", function()
    local got = run(here(), [[
      local opened = {}
      if vim.ui.open then
        vim.ui.open = function(url) opened[1] = url end
        user.answers = { user.pick "Open it", user.pick "I have visited it" }
      else
        user.answers = { user.pick "I have visited it" }
      end
      vim.cmd 'Souk call s.ask_url {"url": "https://souk.example/sign-in"}'
      user.wait_for "done after"
      local url = vim.ui.open and opened[1] or "https://souk.example/sign-in"
      return { asked = user.asked[1].prompt, opened = url, window = user.window() }
    ]])
    assert.equal("server s asks: Please sign in. - https://souk.example/sign-in:", got.asked)
    assert.equal("https://souk.example/sign-in", got.opened)
    assert.truthy(table.concat(got.window):find '"accept"')
  end)

  it("waits until the user is done with another one", function()
    local got = run(here(), [[
      local later
      local input, select = vim.ui.input, vim.ui.select
      vim.ui.input = function(opts, done)
        later = function() input(opts, done) end
      end
      vim.cmd "Souk call s.echo"
      user.wait(function() return later end)
      user.answers = { "typed slowly", user.pick "Decline" }
      require("souk_nvim").call("s.ask_form", { message = "Me first?" })
      vim.wait(300, function() return #user.asked > 0 end)
      local meanwhile = #user.asked
      later()
      user.wait(function() return #user.asked == 2 end)
      user.wait_for "done after"
      return { meanwhile = meanwhile, first = user.asked[1].prompt, second = user.asked[2].prompt }
    ]])
    assert.equal(0, got.meanwhile)
    assert.truthy(got.first:find "^s%.echo: text")
    assert.truthy(got.second:find "Me first")
  end)
end)
