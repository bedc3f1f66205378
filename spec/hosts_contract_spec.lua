-- One contract for all hosts (spec/support/contract.lua), each in the real thing: here a script, loops of luv and
-- cqueues, and a loop of one's own. nginx and Neovim are in hosts_programs_spec.lua.

local contract = require "spec.support.contract"
local core = require "souk.core"
local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

describe("every host", function()
  local server, child

  setup(function()
    server = servers.start("scripted", { knobs = { all_tools = true, answer = "sse" } })
  end)

  before_each(function()
    child = servers.stdio("scripted", { knobs = { all_tools = true } })
  end)

  after_each(help.clean_up)
  teardown(help.stop_servers)

  local function run(host)
    return contract.run {
      open = function(options)
        options.host = host
        return souk.open(options)
      end,
      url = server.url, command = contract.words(child), now = core.now,
    }
  end

  it("keeps it in a plain script", function()
    contract.judge(run "blocking")
  end)

  it("keeps it where the loop is the program's own", function()
    contract.judge(run "loop")
  end)

  it("keeps it with luv, outside of coroutines", function()
    contract.judge(run "luv")
  end)

  -- Lua 5.1 itself (not LuaJIT) cannot yield out of a pcall, which the contract's cases run in.
  if _VERSION ~= "Lua 5.1" or rawget(_G, "jit") then
    it("keeps it with luv, in a coroutine", function()
      local uv = require "luv"
      local results
      local co = coroutine.create(function() results = run "luv" end)
      local ok, why = coroutine.resume(co)
      assert(ok, why)
      uv.run()
      assert(results, "the loop ended before the contract")
      contract.judge(results)
    end)

    it("keeps it with cqueues, in a coroutine that its loop parks", function()
      local cqueues = require "cqueues"
      local condition = require "cqueues.condition"
      local loop = cqueues.new()
      local results
      local open = 0
      loop:wrap(function()
        results = contract.run {
          open = function(options)
            options.host = function()
              local woken = condition.new()
              return function(timeout) woken:wait(timeout) end, function() woken:signal() end
            end
            local market = souk.open(options)
            open = open + 1
            loop:wrap(function()
              local fd = assert(market:fd())
              while market:dispatch() do
                cqueues.poll { pollfd = fd, events = "r" }
              end
              cqueues.cancel(fd)
            end)
            return market
          end,
          url = server.url, command = contract.words(child), now = core.now,
        }
      end)
      assert(loop:loop(60))
      contract.judge(results)
      assert.equal(2, open)
    end)
  end
end)
