-- souk.json and validate when Lua runs out of memory in the middle of a call: nothing leaks, all stays in order.

local WORK = [=[
dofile "spec/support/paths.lua"
local core = require "souk.core"
local json = core.json
local schema = { type = "object", properties = { a = { type = "string" } } }
local text = '{"list":[1,2.5,"' .. ("long "):rep(50) .. '\\n",[],{"a":{"b":null}}],"big":123456789012345678901}'
local value = json.decode(text)
local cycle = {}
cycle[1] = cycle
assert(json.encode(value))
return function()
  json.decode(text)
  json.encode(value)
  json.encode(cycle)
  json.encode { a = { print } }
  json.decode '[1,'
  json.array()
  pcall(json.decode, text, { nonsense = 1 })
  json.encode(json.decode(text))
  core.validate(schema, { a = "x" })
  core.validate(schema, { a = 1 })
  core.validate(schema, cycle)
  core.validate({ type = 1 }, 1)
end
]=]

local function lua_package()
  return jit and "luajit" or "lua" .. _VERSION:match "%d+%.%d+"
end

-- Runs the command; its output, and whether it went well.
local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo exit $?"))
  local output = pipe:read "*a"
  pipe:close()
  return output, output:match "exit 0%s*$" ~= nil
end

describe("souk.json without memory #harness", function()
  local folder

  setup(function()
    folder = "build/lua_oom-" .. lua_package()
    assert(run("mkdir -p " .. folder))
    local output, built = run(("${CC:-cc} -O1 -g -fsanitize=address,undefined -rdynamic spec/tools/lua_oom.c "
      .. "-o %s/lua_oom $(pkg-config --cflags --libs %s)"):format(folder, lua_package()))
    assert(built, output)
    local script = assert(io.open(folder .. "/work.lua", "w"))
    script:write(WORK)
    script:close()
  end)

  for _, mode in ipairs { "once", "forever" } do
    it("survives every allocation that fails, " .. mode, function()
      local output, passed = run(("%s/lua_oom %s/work.lua %s"):format(folder, folder, mode))
      assert(passed, output)
      assert.is_true(tonumber(output:match "(%d+) runs") > 20, output)
    end)
  end
end)
