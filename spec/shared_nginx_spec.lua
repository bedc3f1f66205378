-- Eight workers of a real nginx share their sessions through a lua_shared_dict. What happens between them one step at a
-- time is in spec/shared_spec.lua.

local cjson = require "cjson"
local nginx = require "spec.support.nginx"
local servers = require "spec.support.servers"

local WORKERS = 8
local TOKEN = "s3cret-shared"

-- Each worker connects, and then makes a call whenever the number of the round changes.
local INIT_WORKER = [[
  market = require "souk".open { shared_dict = "souk", env = { KEY = "%s" }%s }
  local results = ngx.shared.results
  local round = results:get "round" or 0

  market:on("tools_refreshed", function() results:incr("refreshed", 1, 0) end)

  local function call()
    local answer, why = market:call("mcp.s.echo", { text = "hello" })
    results:incr(answer == "hello" and "fine" or "failed", 1, 0)
    if not answer then
      results:set("why", tostring(why))
    end
  end

  local function watch(premature)
    if premature then
      return
    end
    local wanted = results:get "round" or 0
    if wanted ~= round then
      round = wanted
      call()
    end
    ngx.timer.at(0.02, watch)
  end

  ngx.timer.at(0, function()
    local ok, why = market:add_server("s", { url = "%s", auth_env_var = "KEY", listen = %s })
    results:incr(ok and "connected" or "failed", 1, 0)
    if not ok then
      results:set("why", tostring(why))
    end
    watch()
  end)
]]

local LOCATIONS = [[
  location = /results {
    content_by_lua_block {
      local results, all = ngx.shared.results, {}
      for _, key in ipairs(results:get_keys(0)) do
        all[key] = results:get(key)
      end
      ngx.print(require "cjson".encode(all))
    }
  }
  location = /round { content_by_lua_block { ngx.print(ngx.shared.results:incr("round", 1, 0)) } }
  location = /dict {
    content_by_lua_block {
      for _, key in ipairs(ngx.shared.souk:get_keys(0)) do
        ngx.say(key, "=", ngx.shared.souk:get(key))
      end
    }
  }
  location = /call { content_by_lua_block { ngx.print((market:call("mcp.s.echo", { text = "hello" }))) } }
]]

local server, web

setup(function()
  server = servers.start("scripted", { knobs = { token = TOKEN, revisions = { "2025-11-25" } } })
end)

teardown(servers.stop_all)

before_each(function()
  server:reset()
  server:knobs { token = TOKEN, revisions = { "2025-11-25" } }
end)

after_each(function()
  nginx.stop_all()
  servers.check()
end)

local function start(options)
  options = options or {}
  web = nginx.start {
    workers = options.workers or WORKERS,
    dicts = { souk = "1m", results = "1m" },
    init_worker = INIT_WORKER:format(TOKEN, options.open or "", server.url, tostring(options.listen == true)),
    http = "exit_worker_by_lua_block { market:close(1) }",
    locations = LOCATIONS,
    log_level = "info",
  }
  return web
end

local function results()
  return cjson.decode(web:get "/results".body)
end

local function wait_for(name, number)
  nginx.wait_until(("%d x %s"):format(number, name), 15, function()
    local now = results()
    assert(not now.failed, now.why)
    return now[name] == number
  end)
end

local function initializes()
  return server:ledger().methods.initialize
end

describe("eight workers of an nginx #harness", function()
  it("cause one initialize, and one more when the session is lost", function()
    start()
    wait_for("connected", WORKERS)
    web:get "/round"
    wait_for("fine", WORKERS)
    assert.equal(1, initializes())
    assert.equal(1, #server:ledger().sessions.issued)

    server:drop_sessions()
    web:get "/round"
    wait_for("fine", 2 * WORKERS)
    assert.equal(2, initializes())
    web:get "/round"
    wait_for("fine", 3 * WORKERS)
    assert.equal(2, initializes())

    local session = server:ledger().sessions.issued[2]
    local dict = web:get "/dict".body
    assert.truthy(dict:find(session, 1, true))
    assert.is_nil(dict:find("s3cret", 1, true))
    assert.is_nil(web:error_log():find(session, 1, true))
    assert.is_nil(web:error_log():find("s3cret", 1, true))
  end)

  it("go on with one session when some crash, and when they are replaced", function()
    start()
    wait_for("connected", WORKERS)
    local before = web:workers()
    for i = 1, 3 do
      web:signal("KILL", before[i])
    end
    wait_for("connected", WORKERS + 3)
    web:get "/round"
    wait_for("fine", WORKERS)
    assert.equal(3, #web:alerts())
    assert.equal(1, initializes())

    local old = web:reload()
    nginx.wait_for_end(old, 10)
    wait_for("connected", 2 * WORKERS + 3)
    web:get "/round"
    wait_for("fine", 2 * WORKERS)
    -- The new workers have 100 ms to join before the last old one leaves.
    assert.is_true(initializes() <= 2)
    assert.equal(initializes() - 1, #server:ledger().sessions.deleted)
  end)

  it("all hear that tools have changed, though one has the session's stream", function()
    server:knobs { get = "stream",
      faults = { { method = "GET", kind = "status", status = 409, after = 1, times = 1000 } } }
    start { listen = true }
    wait_for("connected", WORKERS)
    nginx.wait_until("all streams", 5, function()
      return server:ledger().http.GET == WORKERS
    end)
    assert.equal(1, server:set_tools { add = { "brand_new" } })
    wait_for("refreshed", WORKERS)
    assert.equal(1, initializes())
    assert.equal(2 * WORKERS, server:ledger().methods["tools/list"])
  end)

  it("end the session with the last of them", function()
    start { workers = 2 }
    wait_for("connected", 2)
    web:quit(10)
    assert.equal(1, initializes())
    assert.same(server:ledger().sessions.issued, server:ledger().sessions.deleted)
  end)

  it("share also when every request has a Lua state of its own", function()
    web = nginx.start {
      workers = 2,
      code_cache = false,
      dicts = { souk = "1m" },
      locations = [[
        location = /call {
          content_by_lua_block {
            local market = require "souk".open { shared_dict = "souk", env = { KEY = "]] .. TOKEN .. [[" } }
            assert(market:add_server("s", { url = "]] .. server.url .. [[", auth_env_var = "KEY", listen = false }))
            ngx.print((market:call("mcp.s.echo", { text = "hello" })))
          }
        }
      ]],
    }
    for _ = 1, 10 do
      assert.equal("hello", web:get "/call".body)
    end
    assert.equal(1, initializes())
    web:quit(10)
    web:alerts() -- nginx says that the cache is off, and that semaphores of other states were left
  end)

  it("share also while a call holds up its worker", function()
    start { open = ", host = \"blocking\"" }
    wait_for("connected", WORKERS)
    assert.equal("hello", web:get "/call".body)
    assert.equal(1, initializes())
  end)
end)
