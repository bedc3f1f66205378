-- Writes souk-scm-1.rockspec from the tree, so that its list of sources and modules is never out of date:
--
--     lua5.4 spec/tools/rockspec.lua          prints it
--     lua5.4 spec/tools/rockspec.lua --write  writes the file
--
-- spec/rockspec_spec.lua compares the file with what this prints.

local HEAD = [[
-- Written by spec/tools/rockspec.lua, which `make rockspec` runs when a file was added or removed.
rockspec_format = "3.0"
package = "souk"
version = "scm-1"
source = {
  -- The tree that this file lies in: `luarocks make`.
  url = "git+file://.",
}
description = {
  summary = "MCP client with a session pool and a capability marketplace",
  detailed = "Capabilities are registered in a marketplace and called by id. When one lives behind an MCP server, "
    .. "the call goes through a pool that opens, reuses, renews and closes sessions by itself.",
  license = "MIT",
}
dependencies = {
  "lua >= 5.1",
  "lua-cjson",
}
test_dependencies = {
  "busted",
}
external_dependencies = {
  -- By its library: a header in a folder of the architecture is found by the compiler, but not by luarocks.
  CURL = { library = "curl" },
}
build = {
  type = "builtin",
  modules = {
    ["souk.core"] = {
      sources = {
]]

local MIDDLE = [[
      },
      defines = { "_POSIX_C_SOURCE=200809L", "_DEFAULT_SOURCE" },
      incdirs = { "src", "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
      libraries = { "curl", "pthread", "m" },
    },
]]

local TAIL = [[
  },
}
test = {
  type = "busted",
}
]]

local function files(command)
  local list = {}
  local pipe = assert(io.popen(command .. " | LC_ALL=C sort"))
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  pipe:close()
  return list
end

local function rockspec()
  local out = { HEAD }
  for _, path in ipairs(files("find src -name '*.c'")) do
    out[#out + 1] = ('        "%s",\n'):format(path)
  end
  out[#out + 1] = MIDDLE
  for _, path in ipairs(files("find lua -name '*.lua'")) do
    local module = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
    out[#out + 1] = ('    ["%s"] = "%s",\n'):format(module, path)
  end
  out[#out + 1] = TAIL
  return table.concat(out)
end

if arg and arg[1] == "--write" then
  local file = assert(io.open("souk-scm-1.rockspec", "w"))
  file:write(rockspec())
  file:close()
elseif arg and arg[0] and arg[0]:find("rockspec%.lua$") then
  io.write(rockspec())
end

return rockspec
