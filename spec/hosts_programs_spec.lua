-- One contract for all hosts (spec/support/contract.lua), in real programs: nginx and Neovim.

local cjson = require "cjson"
local contract = require "spec.support.contract"
local help = require "spec.support.help"
local nginx = require "spec.support.nginx"
local nvim = require "spec.support.nvim"
local servers = require "spec.support.servers"

describe("every program keeps it #harness", function()
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

  local SCRIPT = [[
    local url, words = ...
    local contract = require "spec.support.contract"
    return contract.run {
      open = function(options) return require("souk").open(options) end,
      url = url, now = require("souk.core").now, command = words,
    }
  ]]

  it("Neovim, on the main thread", function()
    contract.judge(nvim.value(SCRIPT, { arguments = { server.url, contract.words(child) }, timeout = 60 }))
  end)

  it("Neovim, in a coroutine", function()
    contract.judge(nvim.value([[
      local arguments = { ... }
      local results
      local co = coroutine.create(function()
        results = (function(...) ]] .. SCRIPT .. [[ end)(unpack(arguments))
      end)
      assert(coroutine.resume(co))
      assert(vim.wait(50000, function() return results or coroutine.status(co) == "dead" end, 10))
      return results
    ]], { arguments = { server.url, contract.words(child) }, timeout = 60 }))
  end)

  for _, place in ipairs { "content", "timer" } do
    it("nginx, phase " .. place, function()
      local body = ([[
        local contract = require "spec.support.contract"
        local souk = require "souk"
        results = souk.json.encode(contract.run {
          open = function(options) return souk.open(options) end,
          url = %q, now = require("souk.core").now, command = require("cjson").decode %q,
        })
      ]]):format(server.url, cjson.encode(contract.words(child)))
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
      contract.judge(cjson.decode(web:get("/results").body))
      web:stop()
    end)
  end
end)
