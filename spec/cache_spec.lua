-- Results of servers that may be kept (ttlMs). First what is kept for how long, then the same through a server.

local cache = require "souk.cache"
local eras = require "spec.support.eras"
local help = require "spec.support.help"
local notices = require "souk.notices"
local souk = require "souk"

local function key(fields)
  local copy = { server = "s", method = "tools/list" }
  for name, value in pairs(fields or {}) do
    copy[name] = value
  end
  return copy
end

local function result(ttl, more)
  return { ttlMs = ttl, tools = more or { { name = "echo" } } }
end

describe("the cache", function()
  local store

  before_each(function()
    store = cache.new(3)
  end)

  local function keep(fields, value, now)
    store:keep(key(fields), value or result(1000), now or 0, store:epoch((fields or {}).server or "s"))
  end

  local function has(fields, now)
    return store:find(key(fields), now or 0) ~= nil
  end

  it("keeps a result as long as its server allows, and no longer", function()
    keep()
    assert.is_true(has({}, 0.999))
    assert.is_false(has({}, 1))
    assert.is_false(has({}, 0)) -- it was thrown away, not hidden
  end)

  for shown, ttl in pairs {
    none = false, ["0"] = 0, ["a negative one"] = -1, ["a text"] = "1000",
  } do
    it("keeps nothing whose time to live is " .. shown, function()
      keep({}, result(ttl or nil))
      assert.is_false(has())
    end)
  end

  it("tells servers, identities, methods and parameters apart", function()
    store = cache.new(100)
    local keys = {
      {}, { server = "t" }, { identity = "ann" }, { identity = "bob" }, { identity = "" }, { method = "prompts/list" },
      { param = "" }, { param = "2" }, { identity = "a", param = "b" }, { identity = "a 1:b" },
    }
    for i, fields in ipairs(keys) do
      keep(fields, result(1000, { i }))
    end
    for i, fields in ipairs(keys) do
      assert.same({ i }, store:find(key(fields), 0).tools)
    end
  end)

  it("tells identities apart that are the same up to a zero byte", function()
    keep({ identity = "a\0b" })
    assert.is_false(has { identity = "a\0c" })
    assert.is_true(has { identity = "a\0b" })
  end)

  it("gives copies, arrays as arrays", function()
    local value = result(1000, souk.array {})
    keep({}, value)
    value.tools[1] = "changed by who put it in"
    local first = store:find(key(), 0)
    assert.equal("[]", souk.json.encode(first.tools))
    first.tools[1] = "changed by who took it out"
    assert.same({}, store:find(key(), 0).tools)
  end)

  it("lets go of what was not used for longest when it is full", function()
    keep { param = "1" }
    keep { param = "2" }
    keep { param = "3" }
    assert.is_true(has { param = "1" })
    keep { param = "4" }
    assert.is_false(has { param = "2" })
    for _, param in ipairs { "1", "3", "4" } do
      assert.is_true(has { param = param })
    end
    assert.equal(3, store.count)
  end)

  it("replaces an entry without making room for it", function()
    keep { param = "1" }
    keep { param = "2" }
    keep { param = "3" }
    keep({ param = "3" }, result(5000))
    assert.is_true(has { param = "1" })
    assert.is_true(has({ param = "3" }, 4))
    assert.equal(3, store.count)
  end)

  it("keeps nothing when it may have no entries", function()
    store = cache.new(0)
    keep()
    assert.is_false(has())
  end)

  it("does not keep what became stale while it was on its way", function()
    local epoch = store:epoch "s"
    store:drop("s", "prompts/list")
    store:keep(key(), result(1000), 0, epoch)
    assert.is_false(has())
    epoch = store:epoch "s"
    store:drop "t" -- another server's matter
    store:keep(key(), result(1000), 0, epoch)
    assert.is_true(has())
  end)

  it("forgets what a notification makes stale, and only that", function()
    store = cache.new(100)
    local methods = { "tools/list", "prompts/list", "resources/list", "resources/templates/list", "server/discover" }
    local function fill()
      for _, method in ipairs(methods) do
        keep { method = method }
        keep { method = method, server = "t" }
      end
      for _, uri in ipairs { "file:///a", "file:///a/b", "file:///c" } do
        keep { method = "resources/read", param = uri }
      end
    end
    local function left()
      local list = {}
      for _, entry in pairs(store.entries) do
        list[#list + 1] = table.concat({ entry.server, entry.method, entry.param }, " ")
      end
      table.sort(list)
      return list
    end
    fill()
    local all = left()
    local function check(method, params, gone)
      fill()
      notices.invalidate(store, method, params, "s")
      local expected = {}
      for _, name in ipairs(all) do
        local is_gone = false
        for _, one in ipairs(gone) do
          is_gone = is_gone or name == one
        end
        if not is_gone then
          expected[#expected + 1] = name
        end
      end
      assert.same(expected, left(), method)
    end
    check("notifications/tools/list_changed", nil, { "s tools/list" })
    check("souk/tools_stale", {}, { "s tools/list" })
    check("notifications/prompts/list_changed", {}, { "s prompts/list" })
    check("notifications/resources/list_changed", {}, { "s resources/list", "s resources/templates/list" })
    check("notifications/resources/updated", { uri = "file:///c" }, { "s resources/read file:///c" })
    check("notifications/resources/updated", { uri = "file:///a/b" },
      { "s resources/read file:///a", "s resources/read file:///a/b" })
    check("notifications/resources/updated", { uri = 7 },
      { "s resources/read file:///a", "s resources/read file:///a/b", "s resources/read file:///c" })
    check("notifications/message", { level = "info" }, {})
    check("notifications/unheard/of", {}, {})
    fill()
    notices.invalidate(store, "souk/listening", nil, "s")
    for _, name in ipairs(left()) do
      assert.equal("t ", name:sub(1, 2))
    end
    assert.equal(5, store.count)
  end)
end)

teardown(eras.stop)
after_each(eras.finish)

describe("a server's results", function()
  local MODERN_HTTP, MODERN_STDIO = eras.cases[3], eras.cases[4]

  local function connect(options)
    local copy = { server = { listen = false } }
    for name, value in pairs(options or {}) do
      copy[name] = value
    end
    copy.knobs = copy.knobs or { ttl = 60000 }
    local market, peer = eras.connect(copy.case or MODERN_HTTP, copy)
    return market:server "s", peer, market
  end

  local function count(peer, method)
    return peer.ledger().methods[method] or 0
  end

  local function are_kept(case)
    local now = 1000
    local server, peer = connect { case = case, open = { clock = function() return now end } }
    local first = assert(server:resources())
    assert(server:read "souk://notes/1")
    first[1].name = "changed"
    now = now + 59
    assert.equal("note-1", server:resources()[1].name)
    assert(server:read "souk://notes/1")
    assert.equal(1, count(peer, "resources/list"))
    assert.equal(1, count(peer, "resources/read"))
    now = now + 2
    assert(server:resources())
    assert(server:read "souk://notes/1")
    assert.equal(2, count(peer, "resources/list"))
    assert.equal(2, count(peer, "resources/read"))
  end

  it("are kept as long as the server allows", function() are_kept(MODERN_HTTP) end)
  it("are kept as long as a child allows", function() are_kept(MODERN_STDIO) end)

  it("are not kept when the server does not allow it, the program wants them fresh, or keeps none", function()
    for _, options in ipairs {
      { knobs = { ttl = 0 } }, { open = { max_cached = 0 } }, { fresh = true },
    } do
      local server, peer = connect { knobs = options.knobs, open = options.open }
      local opts = options.fresh and { fresh = true } or nil
      assert(server:prompts(opts))
      assert(server:prompts(opts))
      assert.equal(2, count(peer, "prompts/list"))
    end
  end)

  it("are kept for each identity, resource and page", function()
    local server, peer = connect { knobs = { ttl = 60000, page = 4 } }
    for _ = 1, 2 do
      assert.equal(7, #server:resources())
      assert.equal(7, #server:resources { identity = "bob" })
      assert(server:read "souk://notes/1")
      assert(server:read "souk://notes/2")
      assert(server:read("souk://notes/2", { identity = "bob" }))
    end
    assert.equal(4, count(peer, "resources/list"))
    assert.equal(3, count(peer, "resources/read"))
  end)

  it("are thrown away together when a cursor is not taken any more", function()
    local now = 1000
    local server, peer = connect {
      knobs = { ttl = 60000, page = 4 }, open = { clock = function() return now end },
    }
    assert.equal(7, #server:resources())
    -- The first page is still fresh, and its cursor leads nowhere.
    peer.knobs { cursor_prefix = "v2-", ttl = 50000 }
    assert.equal(7, #server:resources()) -- all pages are kept
    assert.equal(2, count(peer, "resources/list"))
    now = now + 70
    assert.equal(7, #server:resources()) -- with new cursors; these are kept for 50 s
    peer.knobs { cursor_prefix = "v3-" }
    now = now + 51
    assert.equal(7, #server:resources())
    assert.equal(6, count(peer, "resources/list"))
  end)

  it("are asked for once more from the start when a cursor grew old on the way", function()
    local server, peer = connect { knobs = { ttl = 0, page = 4, faults = {
      { method = "resources/list", after = 1, kind = "rpc_error", code = -32602, message = "no such cursor" },
    } } }
    assert.equal(7, #server:resources())
    assert.equal(4, count(peer, "resources/list"))
    peer.knobs { faults = {
      { method = "resources/list", after = 1, kind = "rpc_error", code = -32602, message = "no such cursor" },
      { method = "resources/list", after = 1, kind = "rpc_error", code = -32602, message = "nor this one" },
    } }
    help.fails("rpc", "nor this one", server:resources())
  end)

  it("are not kept when the user was asked for them", function()
    local names = { "Ann", "Bob" }
    local server, peer = connect { open = { elicitation = function()
      return { name = table.remove(names, 1) }
    end } }
    assert.truthy(server:read("souk://ask")[1].text:find "Ann")
    assert.truthy(server:read("souk://ask")[1].text:find "Bob")
    assert.equal(4, count(peer, "resources/read"))
  end)

  it("are forgotten when the server says that they have changed", function()
    local server, peer, market = connect { server = {} }
    local heard, changed = 0, 0
    market:on("listening", function() heard = heard + 1 end)
    market:on("prompts_changed", function() changed = changed + 1 end)
    market:on("resource_updated", function() changed = changed + 1 end)
    help.step_until(market, function() return heard == 1 end)
    assert(server:subscribe "souk://notes/1")
    help.step_until(market, function() return heard == 2 end)
    assert(server:prompts())
    assert.equal("Note 1, version 0", server:read("souk://notes/1")[1].text)
    assert(market:call("mcp.s.notify", { method = "notifications/prompts/list_changed" }))
    assert(market:call("mcp.s.touch", { uri = "souk://notes/1" }))
    help.step_until(market, function() return changed == 2 end)
    assert(server:prompts())
    assert.equal("Note 1, version 1", server:read("souk://notes/1")[1].text)
    assert.equal(2, count(peer, "prompts/list"))
  end)

  it("are forgotten with the server", function()
    local server, peer, market = connect()
    assert(server:prompts())
    assert(market:add_server("s", { url = peer.where.url, listen = false }))
    assert(market:server("s"):prompts())
    assert.equal(2, count(peer, "prompts/list"))
  end)

  it("are errors when they cannot be had anew", function()
    local now = 1000
    local server, peer = connect { open = { clock = function() return now end } }
    assert(server:prompts())
    now = now + 61
    peer.knobs { faults = { { method = "prompts/list", kind = "status", status = 500, body = "no" } } }
    help.fails("transport", "500", server:prompts())
  end)
end)
