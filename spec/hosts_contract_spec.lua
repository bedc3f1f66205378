-- One contract for all hosts (spec/support/contract.lua), each in the real thing: a script, loops of luv and cqueues, a
-- loop of one's own, nginx, Neovim.

local contract = require "spec.support.contract"
local core = require "souk.core"
local help = require "spec.support.help"
local nginx = require "spec.support.nginx"
local nvim = require "spec.support.nvim"
local servers = require "spec.support.servers"
local souk = require "souk"

-- Every case is reported by its name; none may be missing.
local function judge(results)
  local wrong = {}
  for _, result in ipairs(results) do
    if result.error and result.error ~= "" then
      wrong[#wrong + 1] = result.name .. ": " .. result.error
    end
  end
  assert.equal("", table.concat(wrong, "\n\n"))
  assert.equal(contract.count, #results)
end

describe("every host", function()
  local server, child

  setup(function()
    server = servers.start("scripted", { knobs = { all_tools = true, answer = "sse" } })
  end)

  before_each(function()
    child = servers.stdio("scripted", { knobs = { all_tools = true } })
  end)

  after_each(help.clean_up)
  teardown(function()
    nginx.stop_all()
    help.stop_servers()
  end)

  local function words()
    local list = { child.command }
    for _, word in ipairs(child.args) do
      list[#list + 1] = word
    end
    return list
  end

  local function run(host)
    return contract.run {
      open = function(options)
        options.host = host
        return souk.open(options)
      end,
      url = server.url, command = words(), now = core.now,
    }
  end

  it("keeps it in a plain script", function()
    judge(run "blocking")
  end)

  it("keeps it where the loop is the program's own", function()
    judge(run "loop")
  end)

  it("keeps it with luv, outside of coroutines", function()
    judge(run "luv")
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
      judge(results)
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
          url = server.url, command = words(), now = core.now,
        }
      end)
      assert(loop:loop(60))
      judge(results)
      assert.equal(2, open)
    end)
  end

  local SCRIPT = [[
    local url, now, words = ...
    local contract = require "spec.support.contract"
    return contract.run {
      open = function(options) return require("souk").open(options) end,
      url = url, now = require("souk.core").now, command = words,
    }
  ]]

  it("keeps it in Neovim, on the main thread #harness", function()
    judge(nvim.value(SCRIPT, { arguments = { server.url, false, words() }, timeout = 60 }))
  end)

  it("keeps it in Neovim, in a coroutine #harness", function()
    judge(nvim.value([[
      local arguments = { ... }
      local results
      local co = coroutine.create(function()
        results = (function(...) ]] .. SCRIPT .. [[ end)(unpack(arguments))
      end)
      assert(coroutine.resume(co))
      assert(vim.wait(50000, function() return results or coroutine.status(co) == "dead" end, 10))
      return results
    ]], { arguments = { server.url, false, words() }, timeout = 60 }))
  end)

  for _, place in ipairs { "content", "timer" } do
    it("keeps it in nginx, phase " .. place .. " #harness", function()
      local body = ([[
        local contract = require "spec.support.contract"
        local souk = require "souk"
        results = souk.json.encode(contract.run {
          open = function(options) return souk.open(options) end,
          url = %q, now = require("souk.core").now, command = require("cjson").decode %q,
        })
      ]]):format(server.url, require("cjson").encode(words()))
      local start = place == "timer" and ("assert(ngx.timer.at(0, function() %s end))"):format(body) or body
      local web = nginx.start {
        http = "lua_max_running_timers 64;",
        locations = ([[
          location = /start { content_by_lua_block { %s ngx.say "started" } }
          location = /results { content_by_lua_block { ngx.print(results or "") } }
        ]]):format(start),
      }
      assert.equal("started\n", web:get("/start", { timeout = 60 }).body)
      nginx.wait_until("the contract", 60, function() return web:get("/results").body ~= "" end)
      judge(require("cjson").decode(web:get("/results").body))
      web:stop()
    end)
  end
end)
