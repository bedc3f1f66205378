-- The plugin in examples/neovim, in a real headless Neovim: .mcp.json, :checkhealth, the manual, and what is there when
-- the editor has left.

local nvim = require "spec.support.nvim"
local plugin = require "spec.support.nvim_plugin"
local servers = require "spec.support.servers"

local run, here = plugin.run, plugin.here

setup(plugin.start_server)
teardown(plugin.stop)
before_each(plugin.reset)
after_each(plugin.clean_up)

-- --- .mcp.json -------------------------------------------------------------------------------------------------------

describe(".mcp.json #harness", function()
  -- What :Souk list says about a file, or the message instead.
  local LOOK = [[
    vim.cmd "Souk list"
    user.wait(function() return user.window() and not user.sees "connecting" and not user.sees "not connected"
      or #user.said > 0 end)
    return { window = table.concat(user.window() or {}, "\n"), said = user.said[1] and user.said[1].text or "" }
  ]]

  it("says where it is wrong", function()
    for text, pattern in pairs {
      ['{\n  "mcpServers": {,}\n}'] = "/%.mcp%.json:2:18: expected",
      ["[]"] = "/%.mcp%.json: expected an object, got a list",
      ["{}"] = "/%.mcp%.json: there is no mcpServers",
      ['{"mcpServers": 3}'] = "/%.mcp%.json: mcpServers: expected an object, got a number",
    } do
      local got = run(text, LOOK)
      assert.truthy(got.said:find(pattern), got.said)
    end
  end)

  it("says of each server what is wrong with it, and uses the others", function()
    local text = ([[{ "mcpServers": {
      "good": { "url": "%s" }, "off": { "command": "x", "disabled": true },
      "a": {}, "b": { "url": "x", "command": "y" }, "c": { "command": 3 }, "d": { "command": "x", "args": "y" },
      "e": { "command": "x", "args": ["y", null] }, "f": { "url": "http://x", "headers": { "K": "${SURELY_NOT_SET}" } },
      "g": { "type": "ws", "url": "http://x" }, "h": { "type": "stdio", "url": "http://x" },
      "i j": { "url": "x" }, "k": 7, "l": { "command": "x", "env": [] }
    } }]]):format(plugin.server().url)
    local window = run(text, LOOK).window
    for _, line in ipairs {
      "a: cannot be used: mcpServers.a: expected either url or command", "mcpServers.b: expected either url or command",
      "mcpServers.c.command: expected a string, got a number",
      "mcpServers.d.args: expected a list of strings, got a string",
      "mcpServers.e.args[2]: expected a string, got null",
      "mcpServers.f.headers.K: the variable SURELY_NOT_SET is not set",
      "mcpServers.g.type: expected stdio, http or sse, got 'ws'", "mcpServers.h: type is stdio, and there is a url",
      "mcpServers.i j: the name of a server has letters", "mcpServers.k: expected an object, got a number",
      "mcpServers.l.env: expected an object, got a list",
    } do
      assert.truthy(window:find(line, 1, true), line .. "\n" .. window)
    end
    assert.truthy(window:find "\ngood: %d+ tools", window)
    assert.falsy(window:find "off")
  end)

  it("is looked for from the current folder upwards; children start beside it", function()
    local child = servers.stdio("scripted", { knobs = { all_tools = true } })
    local got = run({ child = { command = child.command, args = child.args, env = { X = "1" } } }, [[
      local top = vim.fn.getcwd()
      vim.fn.mkdir("a b/c,d", "p")
      vim.cmd "cd a\\ b/c,d"
      local folder
      require("souk_nvim").setup { open = { on_error = error } }
      vim.cmd "Souk list"
      user.wait_for "tools"
      local pids = vim.fn.split(vim.fn.system "pgrep -f scripted.mjs")
      for _, pid in ipairs(pids) do
        folder = vim.loop.fs_readlink("/proc/" .. pid .. "/cwd") == vim.loop.fs_realpath(top) or folder
      end
      return { folder = folder }
    ]])
    assert.is_true(got.folder)
  end)

  it("puts in variables, with defaults", function()
    local got = run(nil, [[
      local expand = require("souk_nvim.config").expand
      local function all(...)
        local list = {}
        for i, text in ipairs { ... } do
          local value, missing = expand(text)
          list[i] = value or "missing " .. missing
        end
        return list
      end
      return all("${WORD}", "a${WORD}b${WORD}", "${EMPTY}", "${EMPTY:-x}", "${WORD:-x}", "${NOT_THERE:-x y}",
        "${NOT_THERE:-}", "${NOT_THERE}", "$WORD ${} ${1} ${WORD%x} ${env:WORD}", "${NEST}", "100%1 %%")
    ]], { WORD = "word", EMPTY = "", NEST = "${WORD} %1", NOT_THERE = false })
    assert.same({ "word", "awordbword", "", "x", "word", "x y", "", "missing NOT_THERE",
      "$WORD ${} ${1} ${WORD%x} ${env:WORD}", "${WORD} %1", "100%1 %%" }, got)
  end)

  it("is read again when it has changed; what is as it was keeps its session", function()
    local got = run(here(), ([[
      vim.cmd 'Souk call s.echo {"text": "1"}'
      user.wait_for "done after"
      user.press "q"
      local url = %q
      local function write(servers)
        vim.fn.writefile({ vim.json.encode { mcpServers = servers } }, ".mcp.json")
      end
      write { s = { type = "http", url = url }, t = { url = url .. "?t" } }
      vim.cmd 'Souk call t.echo {"text": "2"}'
      user.wait_for "done after"
      user.press "q"
      local both = #require("souk_nvim").market():sessions()
      write { t = { url = url .. "?t" } }
      user.answers = { user.CANCEL }
      vim.cmd "Souk"
      user.wait(function() return #user.asked == 1 end)
      return { both = both, prompt = user.asked[1].prompt, left = #require("souk_nvim").market():list {} }
    ]]):format(plugin.server().url))
    assert.equal("Tool of t:", got.prompt)
    assert.is_true(got.left > 10)
    assert.equal(2, plugin.server():ledger().methods.initialize)
  end)

  it("is used when the user has agreed to it, until it changes", function()
    local got = run(here(), [[
      require("souk_nvim").setup { trust = false }
      local completed = vim.fn.getcompletion("Souk call ", "cmdline")
      user.answers = { user.pick "No" }
      vim.cmd 'Souk call s.echo {"text":"1"}'
      user.wait_for "is not used: you have not agreed to it"
      user.answers = { user.pick "Show it" }
      vim.cmd 'Souk call s.echo {"text":"1"}'
      user.wait(function() return vim.fn.expand "%:t" == ".mcp.json" end)
      user.answers = { user.pick "Yes" }
      vim.cmd 'Souk call s.echo {"text":"1"}'
      user.wait_for "done after"
      user.press "q"
      vim.cmd 'Souk call s.echo {"text":"2"}'
      user.wait_for "done after"
      user.press "q"
      local asked = #user.asked
      local lines = vim.fn.readfile ".mcp.json"
      vim.fn.writefile({ lines[1] .. " " }, ".mcp.json")
      user.answers = { user.pick "No" }
      vim.cmd 'Souk call s.echo {"text":"3"}'
      user.wait(function() return #user.asked == 4 end)
      return { completed = completed, asked = asked, prompt = user.asked[1].prompt }
    ]])
    assert.same({}, got.completed)
    assert.equal(3, got.asked)
    local prompt = "^Use the server of /.*/%.mcp%.json, and start the programs that it names%?$"
    assert.truthy(got.prompt:find(prompt), got.prompt)
  end)

  it("goes along with the servers of setup, which go before", function()
    local content = here()
    content.t = { command = "/nowhere/at-all" }
    local got = run(content, ([[
      require("souk_nvim").setup { servers = { t = { url = %q } }, timeout = 5 }
      vim.cmd 'Souk call t.echo {"text": "from setup"}'
      user.wait_for "done after"
      local _, unknown = pcall(require("souk_nvim").setup, { colour = "red" })
      local _, wrong = pcall(require("souk_nvim").setup, { trust = "yes" })
      return { window = user.window(), unknown = unknown, wrong = wrong }
    ]]):format(plugin.server().url))
    assert.equal("from setup", got.window[5])
    assert.truthy(got.unknown:find "there is no option 'colour' %(there are: border, config,", got.unknown)
    assert.truthy(got.wrong:find "option 'trust': expected a boolean, got a string", got.wrong)
  end)
end)

-- --- :checkhealth, the end -------------------------------------------------------------------------------------------

describe(":checkhealth souk #harness", function()
  local CHECK = [[
    vim.cmd "checkhealth souk"
    return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
  ]]

  it("says what there is, and what is missing", function()
    local content = here()
    content.child = servers.stdio "scripted"
    content.child = { command = content.child.command, args = content.child.args }
    content.absent = { command = "npxx" }
    content.refused = { url = "http://127.0.0.1:1/mcp" }
    content.wrong = { url = "${SURELY_NOT_SET}" }
    local text = run(content, CHECK)
    for _, line in ipairs {
      "OK:? souk %d+%.%d+%.%d+: .*/lua/souk/init%.lua\n", "OK:? its core: .*/souk/core%.so\n", "OK:? libcurl/%d",
      "OK:? Lua: LuaJIT", "/%.mcp%.json\n", "OK:? s: %d+ tools, revision 2025%-11%-25 over http\n",
      "OK:? child: %d+ tools, revision %S+ over stdio\n", "ERROR:? absent: the program npxx is not in PATH\n",
      "ERROR:? transport: server 'refused': could not connect",
      "ERROR:? mcpServers%.wrong%.url: the variable SURELY_NOT_SET",
    } do
      assert.truthy(text:find(line), line .. "\n" .. text)
    end
  end)

  it("says how to get souk when it is not there", function()
    local folder = plugin.project(here())
    os.execute(("cp -r %s '%s/plugin-alone'"):format(plugin.folder, folder))
    local text = nvim.value(CHECK, { rtp = { folder .. "/plugin-alone" }, cwd = folder, paths = false })
    assert.truthy(text:find "ERROR:? souk cannot be loaded: module 'souk' not found", text)
    assert.truthy(text:find "luarocks %-%-lua%-version=5%.1 make", text)
    assert.truthy(text:find "make neovim", text)
  end)

  it("does not start what nobody has agreed to", function()
    local text = run(here(), "require('souk_nvim').setup { trust = false }\n" .. CHECK)
    assert.truthy(text:find "WARNING:? .*is not used: you have not agreed to it", text)
    assert.same({}, plugin.server():ledger().methods)
  end)
end)

describe("the README #harness", function()
  it("shows how to use souk in a plugin of one's own", function()
    local file = assert(io.open "README.md")
    local block = file:read("*a"):match "<!%-%- example: neovim %-%->\n```lua\n(.-)\n```"
    file:close()
    local url = plugin.server().url
    local said = nvim.value([[
      local said = {}
      vim.notify = function(text) said[#said + 1] = text end
      assert(loadstring((...)))()
      local at_once = #said
      assert(vim.wait(5000, function() return #said == 2 end, 5), vim.inspect(said))
      return { at_once, said[1], said[2] }
    ]], { arguments = { (block:gsub("https://docs%.example%.com/mcp", url)) } })
    assert.same({ 0, "hello", "hello again" }, said)
  end)
end)

describe("the plugin #harness", function()
  it("finds the souk of the checkout that it lies in, without being told", function()
    local file = nvim.value([[
      local souk = assert(require("souk_nvim.library").load())
      return require("souk_nvim.library").files(souk)
    ]], { rtp = { plugin.folder }, paths = false })
    assert.equal(plugin.top .. "/lua/souk/init.lua", file)
  end)

  it("finds its core also when a plugin manager has put only the Lua part into 'runtimepath'", function()
    local files = nvim.value([[
      local souk = assert(require("souk_nvim.library").load())
      return { require("souk_nvim.library").files(souk) }
    ]], { rtp = { plugin.top, plugin.folder }, paths = false })
    assert.same({ plugin.top .. "/lua/souk/init.lua", plugin.top .. "/build/lua5.1/souk/core.so" }, files)
  end)

  it("leaves nothing behind when the editor is left in the middle of a call", function()
    local child = servers.stdio("scripted", { knobs = { all_tools = true } })
    local got = run({ child = { command = child.command, args = child.args } }, [[
      vim.cmd 'Souk call child.slow {"ms": 60000, "steps": 60000}'
      user.wait_for " of 60000"
      return vim.fn.split(vim.fn.system("ps -o pid= --ppid " .. vim.fn.getpid()))
    ]])
    assert.is_true(#got > 0)
    for _ = 1, 40 do
      if plugin.output_of("ps -o pid= -p " .. table.concat(got, ",")) == "" then
        break
      end
      os.execute "sleep 0.05"
    end
    assert.equal("", plugin.output_of("ps -o pid=,args= -p " .. table.concat(got, ",")))
  end)

  it("has a manual whose tags are in order", function()
    local folder = plugin.project()
    os.execute(("cp %s/doc/*.txt '%s'"):format(plugin.folder, folder))
    local got = nvim.value([[
      local folder = ...
      vim.cmd("helptags " .. folder)
      local tags = {}
      for _, line in ipairs(vim.fn.readfile(folder .. "/tags")) do
        tags[#tags + 1] = line:match "^[^\t]+"
      end
      return tags
    ]], { arguments = { folder } })
    local known = {}
    for _, tag in ipairs(got) do
      known[tag] = true
    end
    local file = assert(io.open(plugin.folder .. "/doc/souk.txt"))
    local text = file:read "*a"
    file:close()
    for tag in text:gmatch "|(%S-)|" do
      assert.is_true(known[tag] or tag:find "^vim%.%a" ~= nil, "no tag " .. tag)
    end
    for _, tag in ipairs { ":Souk", ":Souk-call", ":Souk-cancel", "souk_nvim.setup()", "souk-config", "souk-health" } do
      assert.is_true(known[tag], "the manual has no tag " .. tag)
    end
    for line in text:gmatch "[^\n]+" do
      assert.is_true(#line:gsub("[\128-\191]", "") <= 79, "too long: " .. line)
    end
  end)
end)
