-- souk in a real Neovim: what is special about it. What every host promises is in hosts_contract_spec.lua, the plugin
-- in neovim_plugin_spec.lua.

local help = require "spec.support.help"
local nvim = require "spec.support.nvim"
local servers = require "spec.support.servers"

local function count(command)
  local pipe = assert(io.popen(command .. " 2>/dev/null | wc -l"))
  local number = tonumber(pipe:read "*a")
  pipe:close()
  return number
end

describe("souk in Neovim #harness", function()
  local peer

  setup(function()
    peer = servers.start("scripted", { knobs = { all_tools = true, answer = "sse" } })
  end)

  teardown(help.stop_servers)

  -- Runs a script with a market that has the scripted server; `...` are further arguments.
  local function value(script, ...)
    return nvim.value([[
      local arguments = { ... }
      local souk = require "souk"
      local market = souk.open { env = {} }
      local url = table.remove(arguments, 1)
      assert(market:add_server("s", { url = url }))
      local function ticks_during(f)
        local timer, last, longest, count = vim.loop.new_timer(), vim.loop.hrtime(), 0, 0
        timer:start(1, 1, function()
          local now = vim.loop.hrtime()
          longest, last, count = math.max(longest, (now - last) / 1e6), now, count + 1
        end)
        f()
        timer:close()
        return count, longest
      end
      return (function(...) ]] .. script .. [[ end)(unpack(arguments))
    ]], { arguments = { peer.url, ... } })
  end

  it("calls back where everything is allowed", function()
    assert.same({ done = false, progress = false, event = false, coroutine = false }, value [[
      local fast = {}
      market:on("*", function() fast.event = fast.event or vim.in_fast_event() end)
      local handle = assert(market:start("mcp.s.slow", { ms = 50, steps = 2 }, { on_progress = function()
        fast.progress = fast.progress or vim.in_fast_event()
        vim.cmd "let g:told = 1"
      end }))
      handle:on_done(function() fast.done = vim.in_fast_event() end)
      coroutine.wrap(function()
        assert(market:session("s"))
        fast.coroutine = vim.in_fast_event()
      end)()
      assert(vim.wait(5000, function() return fast.done ~= nil and fast.coroutine ~= nil end))
      return fast
    ]])
  end)

  it("lets the editor go on while a coroutine waits, and while the main thread does", function()
    local got = value [[
      local got = {}
      local ended = false
      got.coroutine = ticks_during(function()
        coroutine.wrap(function()
          assert(market:call("mcp.s.slow", { ms = 300, steps = 1 }))
          ended = true
        end)()
        got.returned_at_once = not ended
        vim.wait(5000, function() return ended end)
      end)
      got.main = ticks_during(function() assert(market:call("mcp.s.slow", { ms = 300, steps = 1 })) end)
      got.start = ticks_during(function()
        local handle = assert(market:start("mcp.s.slow", { ms = 300, steps = 1 }))
        handle:wait()
      end)
      return got
    ]]
    assert.is_true(got.returned_at_once)
    for _, what in ipairs { "coroutine", "main", "start" } do
      assert(got[what] > 20, what .. ": the editor's timer rang only " .. got[what] .. " times in 300 ms")
    end
  end)

  it("ends waiting when the user presses Ctrl-C, and cancels the call", function()
    peer:reset()
    peer:knobs { all_tools = true, answer = "sse" }
    local got = value [[
      vim.loop.new_timer():start(200, 0, vim.schedule_wrap(function() vim.api.nvim_input "<C-c>" end))
      local before = vim.loop.hrtime()
      local result, err = market:call("mcp.s.slow", { ms = 20000, steps = 1 })
      local took = (vim.loop.hrtime() - before) / 1e9
      vim.wait(300, function() return #market:sessions() == 0 end)
      return {
        result = result, kind = err.kind, message = err.message, took = took, in_flight = market:stats().in_flight,
      }
    ]]
    assert.equal("cancelled", got.kind)
    assert(got.message:find "interrupted", got.message)
    assert(got.took < 5, "it took " .. got.took)
    assert.equal(0, got.in_flight)
    assert.equal(1, #peer:ledger().cancelled)
  end)

  it("says that nothing can wait in a fast event", function()
    local got = value [[
      local got = {}
      vim.loop.new_timer():start(1, 0, function()
        local ok, _, err = pcall(market.call, market, "mcp.s.echo", { text = "x" })
        got.ok, got.kind, got.message = ok, err and err.kind, err and err.message
        coroutine.wrap(function() got.text = market:call("mcp.s.echo", { text = "in a coroutine" }) end)()
      end)
      assert(vim.wait(5000, function() return got.text end))
      return got
    ]]
    assert.is_true(got.ok)
    assert.equal("config", got.kind)
    assert(got.message:find "fast event", got.message)
    assert.equal("in a coroutine", got.text)
  end)

  it("has coroutines that were woken together go on, also when one of them waits for the others", function()
    assert.same({ 8, true }, value [[
      local ended, saw_all = 0, nil
      for i = 1, 8 do
        coroutine.wrap(function()
          market:call("mcp.s.slow", { ms = 5000 }, { timeout = 0.2 }) -- all end at the same moment
          ended = ended + 1
          if ended == 1 then
            saw_all = vim.wait(5000, function() return ended == 8 end)
          end
        end)()
      end
      assert(vim.wait(10000, function() return saw_all ~= nil end))
      return { ended, saw_all }
    ]])
  end)

  it("reports what a coroutine raises after it was resumed", function()
    local run = nvim.run([[
      local told = {}
      local market = require("souk").open { env = {}, on_error = function(message) told[#told + 1] = message end }
      assert(market:add_server("s", { url = ... }))
      coroutine.wrap(function()
        market:call("mcp.s.echo", { text = "x" })
        error "a mistake of the program"
      end)()
      assert(vim.wait(5000, function() return told[1] end))
      return told
    ]], { arguments = { peer.url } })
    assert(run.value and run.value[1]:find "a mistake of the program", run.error or run.output)
  end)

  it("collects a market that was forgotten, with its thread and its descriptors", function()
    local got = value [[
      local function count(what) return #vim.fn.readdir("/proc/self/" .. what) end
      market:close()
      vim.wait(50)
      local threads, descriptors = count "task", count "fd"
      for i = 1, 5 do
        local other = souk.open { env = {} }
        assert(other:add_server("s", { url = url }))
        if i % 2 == 0 then other:close() end
      end
      for _ = 1, 3 do
        collectgarbage() collectgarbage()
        vim.wait(300)
      end
      return { threads = count "task" - threads, descriptors = count "fd" - descriptors }
    ]]
    assert.equal(0, got.threads)
    assert(got.descriptors <= 1, "descriptors: " .. got.descriptors)
  end)

  describe("that is left", function()
    -- How it was left, and how long that took.
    local function leave(script, last)
      local child = servers.stdio("scripted")
      local words = { child.command }
      for _, word in ipairs(child.args) do
        words[#words + 1] = word
      end
      local before = os.time()
      local run = nvim.run([[
        local url, words, tls, ca = ...
        local souk = require "souk"
        market = souk.open { env = {} }
        assert(market:add_server("s", { url = url }))
        local command = table.remove(words, 1)
        assert(market:add_server("child", { command = command, args = words }))
        if tls then
          assert(market:add_server("tls", { url = tls, ca_file = ca }))
        end
        local pids = vim.fn.systemlist("ps -o pid=,args= --ppid " .. vim.loop.os_getpid() .. " | grep [s]cripted.mjs")
        assert(#pids == 1, table.concat(pids, "\n"))
        ]] .. script .. [[
        return tonumber(pids[1]:match "%d+")
      ]], { arguments = { peer.url, words, false }, last = last, timeout = 20 })
      assert.equal(nil, run.error)
      assert.equal(0, run.code)
      assert(os.time() - before < 10)
      for _ = 1, 100 do
        if count("ls -d /proc/" .. run.value) == 0 then
          return
        end
        os.execute "sleep 0.02"
      end
      error("the child is still there")
    end

    it("in the middle of calls leaves no child behind, and does not hang", function()
      leave [[
        for i = 1, 20 do market:start("mcp.s.slow", { ms = 20000, steps = 1 }) end
        market:start("mcp.child.slow", { ms = 20000, steps = 1 })
      ]]
    end)

    it("while a coroutine waits", function()
      leave [[ coroutine.wrap(function() market:call("mcp.child.slow", { ms = 20000, steps = 1 }) end)() ]]
    end)

    it("by cquit, which runs no autocommands of leaving", function()
      leave([[ vim.schedule(function() vim.cmd "0cquit" end) ]], "sleep 1")
    end)

    it("in the middle of TLS handshakes, again and again, does not crash", function()
      local secure = servers.start("scripted", { tls = true })
      for i = 1, 12 do
        local run = nvim.run([[
          local url, ca, pause = ...
          local market = require("souk").open { env = {} }
          for n = 1, 8 do
            market:add_server("s" .. n, { url = url, ca_file = ca, identity = "i" .. n, discover = false })
            market:server("s" .. n)
            coroutine.wrap(function() market:refresh("s" .. n) end)()
          end
          vim.wait(pause)
          return true
        ]], { arguments = { secure.url, secure.ca_file, i * 3 }, timeout = 15 })
        assert.equal(nil, run.error)
        assert.equal(0, run.code)
      end
    end)
  end)
end)
