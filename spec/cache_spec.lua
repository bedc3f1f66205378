-- Results of servers that may be kept (ttlMs). First what is kept for how long, then the same through a server.

local cache = require "souk.cache"
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
