-- souk.json: Lua values to JSON and back. lua-cjson is the oracle where it is exact.

local cjson = require "cjson"
local json = require "souk.core".json

local has_integers = math.type ~= nil -- Lua 5.3 and later
local ffi = jit and require "ffi"
local null = json.null

local function encoded(value, options)
  return (assert(json.encode(value, options)))
end

local function decoded(text, options)
  local value, err = json.decode(text, options)
  assert(value ~= nil, tostring(err))
  return value
end

-- The message of the error that encoding gives.
local function refusal(value, options)
  local text, err = json.encode(value, options)
  assert.is_nil(text)
  return err.message, err.kind
end

-- Compares two values from decoders, without metatables; 1 and 1.0 are the same.
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

describe("decode", function()
  it("gives each JSON type its Lua type", function()
    local value = decoded [=[{"n":null,"t":true,"f":false,"i":-7,"d":1.5,"s":"x\u00e9","a":[1,[2]],"o":{"":{}}}]=]
    assert.equal(null, value.n)
    assert.is_true(value.t)
    assert.is_false(value.f)
    assert.equal(-7, value.i)
    assert.equal(1.5, value.d)
    assert.equal("x\195\169", value.s)
    assert.equal(2, value.a[2][1])
    assert.equal("table", type(value.o[""]))
  end)

  it("gives scalars at the top, null among them", function()
    assert.equal(12, decoded "12")
    assert.equal("a", decoded '"a"')
    assert.equal(null, decoded " null ")
    local value, err = json.decode "false"
    assert.is_false(value)
    assert.is_nil(err)
  end)

  it("has the same null as lua-cjson", function()
    assert.equal(cjson.null, null)
  end)

  it("keeps integers and floats apart where Lua does", function()
    if not has_integers then
      return
    end
    local value = decoded "[1,1.0,1e2,9007199254740993,9223372036854775807,-9223372036854775808]"
    assert.equal("integer", math.type(value[1]))
    assert.equal("float", math.type(value[2]))
    assert.equal("float", math.type(value[3]))
    assert.equal("9007199254740993", tostring(value[4]))
    assert.equal(math.maxinteger, value[5])
    assert.equal(math.mininteger, value[6])
  end)

  it("never rounds an integer in silence: strings are the default", function()
    local digits = "123456789012345678901234567890"
    assert.equal(digits, decoded("[" .. digits .. "]")[1])
    assert.equal("-" .. digits, decoded("-" .. digits))
    assert.equal("18446744073709551615", decoded "18446744073709551615")
    if not has_integers then
      assert.equal(9007199254740992, decoded "9007199254740992")
      assert.equal(-9007199254740992, decoded "-9007199254740992")
      assert.equal("9007199254740993", decoded "9007199254740993")
      assert.equal("-9007199254740993", decoded "-9007199254740993")
    end
  end)

  it("refuses large integers when asked to, and says where", function()
    local value, err = json.decode('[1,\n {"a":9223372036854775808}]', { big_integers = "error" })
    assert.is_nil(value)
    assert.equal("limit", err.kind)
    assert.equal("the integer 9223372036854775808 is too large", err.message)
    assert.equal(2, err.line)
    assert.equal(7, err.column)
  end)

  it("gives 64-bit cdata on LuaJIT when asked to", function()
    if not ffi then
      assert.has_error(function() json.decode("1", { big_integers = "cdata" }) end,
        'big_integers = "cdata" needs LuaJIT with its FFI')
      return
    end
    local options = { big_integers = "cdata" }
    for _, digits in ipairs {
      "9007199254740993", "-9007199254740993", "9223372036854775807", "-9223372036854775808",
    } do
      local value = decoded(digits, options)
      assert.is_true(ffi.istype("int64_t", value))
      assert.equal(digits .. "LL", tostring(value))
    end
    for _, digits in ipairs { "9223372036854775808", "18446744073709551615" } do
      local value = decoded(digits, options)
      assert.is_true(ffi.istype("uint64_t", value))
      assert.equal(digits .. "ULL", tostring(value))
    end
    assert.equal(5, decoded("5", options))
    assert.is_nil((json.decode("18446744073709551616", options)))
    assert.is_nil((json.decode("-9223372036854775809", options)))
  end)

  it("takes the last of duplicate keys", function()
    assert.equal(3, decoded('{"a":1,"b":2,"a":3}').a)
  end)

  it("reports where a text goes wrong", function()
    local value, err = json.decode '{"a": [1, 2,\n  x]}'
    assert.is_nil(value)
    assert.equal("protocol", err.kind)
    assert.equal("expected a value, found 'x'", err.message)
    assert.equal(2, err.line)
    assert.equal(3, err.column)
    assert.matches("line 2", tostring(err))
    assert.is_false(err.retryable)
  end)

  it("refuses what is not JSON though others may take it", function()
    for _, text in ipairs { "", "[1,]", "{'a':1}", "NaN", "[Infinity]", "01", "+1", ".5", "0x10", "[1] x", "// c\n1",
      '"\9"', '"\255"', '"\\ud800"', "1e400", "\239\187\191[]", "[1]\0" } do
      local value, err = json.decode(text)
      assert.is_nil(value, text)
      assert.equal("protocol", err.kind)
    end
  end)

  it("has a depth limit that can be changed", function()
    local function nested(depth)
      return ("["):rep(depth) .. ("]"):rep(depth)
    end
    assert.is_table(json.decode(nested(128)))
    local value, err = json.decode(nested(129))
    assert.is_nil(value)
    assert.equal("limit", err.kind)
    assert.is_table(json.decode(nested(1000), { depth = 1000 }))
    assert.is_nil((json.decode(nested(3), { depth = 2 })))
  end)

  it("raises for misuse", function()
    assert.has_error(function() json.decode() end)
    assert.has_error(function() json.decode(1) end)
    assert.has_error(function() json.decode("1", 1) end)
    assert.has_error(function() json.decode("1", { depth = 0 }) end, "depth must be a number from 1 to 1000")
    assert.has_error(function() json.decode("1", { depth = 1001 }) end)
    assert.has_error(function() json.decode("1", { depth = "2" }) end)
    assert.has_error(function() json.decode("1", { big_integers = "maybe" }) end,
      'big_integers must be "string", "error" or "cdata"')
    assert.has_error(function() json.decode("1", { deep = 1 }) end,
      "unknown option 'deep'; there are depth and big_integers")
  end)
end)

describe("encode", function()
  it("writes each Lua type as its JSON type", function()
    assert.equal("null", encoded(nil))
    assert.equal("null", encoded(null))
    assert.equal("true", encoded(true))
    assert.equal("false", encoded(false))
    assert.equal("-12", encoded(-12))
    assert.equal("0.1", encoded(0.1))
    assert.equal('"a\\"b\\\\c\\n\\u0000\\u001f/\127\195\169"', encoded "a\"b\\c\n\0\31/\127\195\169")
    assert.equal("[1,[2,{}]]", encoded { 1, { 2, {} } })
    assert.equal('{"a":{"b":[true]}}', encoded { a = { b = { true } } })
  end)

  it("writes numbers so that they read back equal", function()
    for _, number in ipairs { 0.1, 1 / 3, 1e300, 5e-324, 1.7976931348623157e308, 2 ^ 53 + 2, -1.5e-7, 123456.789 } do
      assert.equal(number, tonumber(encoded(number)))
      assert.matches("[.e]", encoded(number + 0.0) .. (number % 1 == 0 and "." or ""))
    end
    if has_integers then
      assert.equal("3.0", encoded(3.0))
      assert.equal("3", encoded(3))
      assert.equal("9223372036854775807", encoded(math.maxinteger))
      assert.equal("-9223372036854775808", encoded(math.mininteger))
      assert.equal("1718000000123456.0", encoded(1718000000123456.0))
    else
      assert.equal("3", encoded(3.0))
      assert.equal("1718000000123456", encoded(1718000000123456))
      assert.equal("9007199254740992", encoded(2 ^ 53))
      assert.equal("-9007199254740992", encoded(-2 ^ 53))
      assert.equal(2 ^ 60, tonumber(encoded(2 ^ 60)))
    end
  end)

  it("writes 64-bit cdata with all digits", function()
    if not ffi then
      return
    end
    local text = "[9223372036854775807,-9223372036854775808,18446744073709551615]"
    assert.equal(text, encoded(decoded(text, { big_integers = "cdata" })))
    assert.equal("[-1,255]", encoded { ffi.new("int64_t", -1), ffi.new("uint64_t", 255) })
    assert.equal("at /0: cannot encode a cdata that is no 64-bit integer", (refusal { ffi.new "int" }))
    assert.equal("cannot encode a cdata that is no 64-bit integer", (refusal(ffi.new "char[3]")))
  end)

  it("refuses what JSON cannot say, and says where it is", function()
    local cases = {
      { "at /a/2/b: cannot encode a function", { a = { 1, 2, { b = print } } } },
      { "cannot encode a function", print },
      { "at /0: cannot encode NaN", { 0 / 0 } },
      { "at /x: cannot encode an infinite number", { x = 1 / 0 } },
      { "at /x: cannot encode an infinite number", { x = -1 / 0 } },
      { "at /t: cannot encode a coroutine", { t = coroutine.create(function() end) } },
      { "at /u: cannot encode a userdata", { u = io.stdout } },
      { "at /s: cannot encode a string that is not UTF-8", { s = "caf\233" } },
      { "at /s: cannot encode a string that is not UTF-8", { s = "\237\160\128" } },
      { "at /a: cannot encode a key that is not UTF-8", { a = { ["\255"] = 1 } } },
      { "at /a~1b/m~0n: cannot encode a function", { ["a/b"] = { ["m~n"] = print } } },
      { "at /: cannot encode a function", { [""] = print } },
      { "cannot encode a table with keys that are neither strings nor numbers", { [true] = 1 } },
      { "cannot encode an array with holes", { 1, 2, nil, 4 } },
      { "cannot encode an array with holes", { [2] = 1 } },
      { "cannot encode a table with a number as key that is no index", { [0] = 1 } },
      { "cannot encode a table with a number as key that is no index", { [1.5] = 1 } },
      { "cannot encode a table with a number as key that is no index", { [1] = 1, [-1] = 1 } },
      { "cannot encode a table with a number as key that is no index", { [1] = 1, [2 ^ 53] = 1 } },
    }
    for _, case in ipairs(cases) do
      local message, kind = refusal(case[2])
      assert.equal(case[1], message)
      assert.equal("schema", kind)
    end
    assert.equal("cannot encode a table with both string and number keys", (refusal { 1, a = 1 }))
  end)

  it("ends a cycle at the depth limit", function()
    local cycle = { name = {} }
    cycle.name[1] = cycle
    local message, kind = refusal(cycle)
    assert.equal("limit", kind)
    assert.matches("^at %.%.%./.*tables are nested deeper than 128 %(in a cycle%?%)$", message)
    assert.is_true(#message < 300)
    assert.equal("at /a: tables are nested deeper than 1 (in a cycle?)", (refusal({ a = {} }, { depth = 1 })))
    assert.equal("[[]]", encoded({ json.array() }, { depth = 2 }))
  end)

  it("writes a long path with its end, and no raw bytes of keys", function()
    local value = print
    for i = 1, 60 do
      value = { ["key number " .. i] = value }
    end
    local message = refusal(value)
    assert.matches("^at %.%.%./", message)
    assert.matches("/key number 2/key number 1: cannot encode a function$", message)
    assert.equal("at /a?b??: cannot encode a function", (refusal { ["a\nb\195\169"] = print }))
    assert.is_true(#refusal { [("k"):rep(1000)] = print } < 100)
  end)

  it("takes arrays in whatever order Lua keeps them", function()
    local backwards = {}
    for i = 100, 1, -1 do
      backwards[i] = i
    end
    local parts = {}
    for i = 1, 100 do
      parts[i] = tostring(i)
    end
    assert.equal("[" .. table.concat(parts, ",") .. "]", encoded(backwards))
    local shrunk = { 1, 2, 3, 4, 5 }
    shrunk[5] = nil
    assert.equal("[1,2,3,4]", encoded(shrunk))
    local grown = { [3] = "c", [1] = "a" }
    grown[2] = "b"
    assert.equal('["a","b","c"]', encoded(grown))
  end)

  it("reads tables raw", function()
    local function refuse()
      error "a metamethod ran"
    end
    local watched = setmetatable({ a = { 1 } }, {
      __index = refuse, __len = refuse, __pairs = refuse, __ipairs = refuse, __tostring = refuse, __call = refuse,
    })
    assert.equal('{"a":[1]}', encoded(watched))
  end)

  it("does not take numbers for strings nor strings for numbers", function()
    assert.equal('{"1":"2"}', encoded { ["1"] = "2" })
    assert.equal('["2"]', encoded { "2" })
  end)

  it("raises for misuse", function()
    assert.has_error(function() json.encode() end)
    assert.has_error(function() json.encode(1, 1) end)
    assert.has_error(function() json.encode(1, { big_integers = "string" }) end,
      "unknown option 'big_integers'; there is only depth")
    assert.has_error(function() json.encode(1, { depth = 0 }) end)
  end)

  it("is ready for the next call after a failure", function()
    for _ = 1, 3 do
      assert.is_nil((json.encode { "left over", print }))
      assert.equal('["new"]', encoded { "new" })
      assert.is_nil((json.decode "[1,"))
      assert.equal(1, decoded("[1]")[1])
      assert.has_error(function() json.encode({}, { nonsense = 1 }) end)
    end
  end)

  it("writes texts of megabytes", function()
    local value = { ("x"):rep(3000000), ("\n"):rep(1000000) }
    local back = decoded(encoded(value))
    assert.is_true(back[1] == value[1] and back[2] == value[2])
  end)
end)

describe("arrays", function()
  it("stay arrays when they are empty and were decoded or marked", function()
    assert.equal("[]", encoded(decoded "[]"))
    assert.equal('[[],{}]', encoded(decoded '[[],{}]'))
    assert.equal("[]", encoded(json.array()))
    assert.equal("[]", encoded(json.array {}))
    assert.equal("{}", encoded {})
    local emptied = decoded "[1,2]"
    emptied[1], emptied[2] = nil, nil
    assert.equal("[]", encoded(emptied))
  end)

  it("are returned by souk.array, which marks its argument", function()
    local list = { 1, 2 }
    assert.equal(list, json.array(list))
    assert.equal("[1,2]", encoded(list))
    assert.has_error(function() json.array "text" end)
  end)

  it("have all the same mark", function()
    assert.equal(getmetatable(json.array()), getmetatable(decoded "[1]"))
    assert.is_nil(getmetatable(decoded "{}"))
  end)

  it("are refused with other keys than their indexes", function()
    local list = json.array()
    list.name = "x"
    assert.equal("cannot encode an array with other keys than 1 to its length", (refusal(list)))
    list[1] = 1
    assert.equal("cannot encode an array with other keys than 1 to its length", (refusal(list)))
  end)

  describe("of a lua-cjson that has marks", function()
    local loaded = package.loaded.cjson
    local fork

    before_each(function()
      fork = { array_mt = {}, empty_array_mt = {} }
      package.loaded.cjson = fork
    end)
    after_each(function()
      package.loaded.cjson = loaded
    end)

    it("carry its mark after decoding", function()
      assert.equal(fork.array_mt, getmetatable(decoded "[1,[]]"))
      assert.equal(fork.array_mt, getmetatable(decoded("[1,[]]")[2]))
      assert.equal(fork.array_mt, getmetatable(json.array()))
    end)

    it("are understood when encoding", function()
      assert.equal("[[],[]]", encoded { setmetatable({}, fork.array_mt), setmetatable({}, fork.empty_array_mt) })
      assert.equal('{"a":1}', encoded(setmetatable({ a = 1 }, fork.empty_array_mt)))
      assert.is_nil((json.encode(setmetatable({ a = 1 }, fork.array_mt))))
    end)

    it("do not make souk forget its own mark", function()
      package.loaded.cjson = nil
      local before = json.array()
      package.loaded.cjson = fork
      assert.equal("[]", encoded(before))
    end)

    it("can be its light userdata", function()
      local upvalueid = rawget(debug, "upvalueid")
      if not upvalueid then
        return -- no other way to get a light userdata
      end
      local unknown = upvalueid(function() return fork end, 1)
      assert.equal("cannot encode a light userdata", (refusal(unknown)))
      fork.empty_array = unknown
      assert.equal("[[]]", encoded { unknown })
    end)

    it("do not matter when something else is loaded under that name", function()
      package.loaded.cjson = true
      assert.equal("[]", encoded(decoded "[]"))
      package.loaded.cjson = { array_mt = 1, empty_array_mt = "x" }
      assert.equal("[]", encoded(decoded "[]"))
    end)
  end)
end)

describe("a host's own null", function()
  it("is written as null once it is known", function()
    local host_null = io.stderr -- any full userdata will do, as vim.NIL is one
    assert.is_nil((json.encode { host_null }))
    json.set_host_null(host_null)
    assert.equal("[null,null]", encoded { host_null, null })
    assert.is_nil((json.encode { io.stdout }))
    json.set_host_null(nil)
    assert.is_nil((json.encode { host_null }))
  end)
end)

describe("finalizers that use souk.json too", function()
  it("do not disturb the call in which they run", function()
    local ran = 0
    local function finalize()
      ran = ran + 1
      assert(json.encode { "from a finalizer", ran })
      assert(json.decode '["from a finalizer"]')
    end
    local function make_garbage()
      if _G.newproxy then
        getmetatable(_G.newproxy(true)).__gc = finalize
      else
        setmetatable({}, { __gc = finalize })
      end
    end
    local parts = {}
    for i = 1, 200 do
      parts[i] = ('{"name":"item number %d","list":[%d,"%s"]}'):format(i, i, ("v"):rep(i))
    end
    local text = "[" .. table.concat(parts, ",") .. "]"
    local pause, speed = collectgarbage("setpause", 1), collectgarbage("setstepmul", 1000)
    collectgarbage() -- the next cycle begins at once
    local rounds = 0
    while rounds < 10 or (ran == 0 and rounds < 500) do
      rounds = rounds + 1
      for _ = 1, 5 do
        make_garbage()
      end
      local value = decoded(text)
      assert.equal(200, #value)
      assert.equal("item number 77", value[77].name)
      local back = decoded(encoded(value))
      assert.equal(("v"):rep(200), back[200].list[2])
    end
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", speed)
    assert.is_true(ran > 0)
  end)
end)

describe("beside lua-cjson", function()
  -- Random documents within what lua-cjson keeps exactly: integers below 10^14, short fractions, no empty arrays.
  local seed = 7
  local function random(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end

  local pieces = {
    "plain", "\195\169", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\\"", " ", "0", "\\\\", "\240\159\152\128",
  }

  local function string_text()
    local out = {}
    for i = 1, random(6) do
      out[i] = pieces[random(#pieces)]
    end
    return '"' .. table.concat(out) .. '"'
  end

  local function value_text(depth)
    local kind = random(depth > 0 and 8 or 6)
    if kind == 1 then
      return ("%d"):format(random(1000000) - 500000)
    elseif kind == 2 then
      return ("%d.%d"):format(random(1000), random(9))
    elseif kind == 3 then
      return ({ "true", "false", "null" })[random(3)]
    elseif kind == 4 then
      return ("%de%d"):format(random(9), random(6))
    elseif kind <= 6 then
      return string_text()
    end
    local out = {}
    for i = 1, random(5) do
      out[i] = (kind == 7 and "" or ('"k%d": '):format(i)) .. value_text(depth - 1)
    end
    return kind == 7 and "[ " .. table.concat(out, " ,\n") .. "]" or "{" .. table.concat(out, ",") .. " }"
  end

  it("decodes the same values", function()
    for _ = 1, 500 do
      local text = value_text(5)
      assert.is_true(same(decoded(text), cjson.decode(text)), text)
    end
  end)

  it("encodes texts that it decodes to the same values", function()
    for _ = 1, 500 do
      local value = cjson.decode(value_text(5))
      assert.is_true(same(cjson.decode(encoded(value)), value))
    end
  end)
end)
