-- Checks that the sources keep to the house rules that a compiler does not know: who may include whom, where
-- the outside world may be touched, how long a file may be, and that every header compiles alone.
--
--     lua5.4 spec/tools/rooms.lua
--
-- From the environment: CC, STD (compiler flags), LUA_CFLAGS (for src/bind). Prints what is wrong, file by
-- file, and closes with "N passed, N failed"; a file counts once.

-- Which rooms a room may include, beside itself.
local MAY_INCLUDE = {
  base = "",
  json = "base",
  schema = "json base",
  cap = "json base",
  market = "cap schema json base",
  mcp = "json base",
  pool = "mcp json base",
  io = "base",
  runtime = "market pool io mcp cap schema json base",
  bind = "runtime market pool io mcp cap schema json base",
}

-- Rooms that may ask the system for something; all others get time, environment and randomness as arguments.
local OUTER = { io = true, bind = true }

-- Headers of the C library that every room may use; stdio.h is for snprintf.
local PLAIN_HEADERS = {}
for name in ("assert float inttypes limits math stdalign stdarg stdbool stddef stdint stdio string"):gmatch("%a+") do
  PLAIN_HEADERS[name .. ".h"] = true
end
local LUA_HEADERS = { ["lua.h"] = true, ["lauxlib.h"] = true, ["lualib.h"] = true, ["luajit.h"] = true }

local FORBIDDEN = {}
for name in ([[
  abort alloca asctime atof atoi atol atoll calloc clock clock_gettime ctime difftime exit fclose fopen fprintf
  fputs fread free fwrite getenv getrandom gettimeofday gmtime isalnum isalpha isblank iscntrl isdigit isgraph
  islower isprint ispunct isspace isupper isxdigit localeconv localtime longjmp malloc mktime nanosleep perror
  poll printf putchar puts qsort_r rand random read realloc scanf secure_getenv select setenv setjmp setlocale
  sleep socket sprintf srand sscanf strcat strcoll strcpy strdup strerror strftime strtod strtof strtok strtol
  strtold strtoll strtoul strtoull system time tolower toupper usleep vfprintf vprintf vsprintf
]]):gmatch("%S+") do
  FORBIDDEN[name] = true
end
local MAY_CALL = {
  ["src/base/alloc.c"] = { realloc = true, free = true },
}

local MAX_LINES = 500
local MAX_LINES_OF_SPEC = 800 -- cases stand beside each other; they are not read as one piece
local passed, failed = 0, 0

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do
    list[#list + 1] = line
  end
  pipe:close()
  return list
end

local function read_all(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function is_file(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

-- The text with comments and the insides of literals blanked out; line breaks stay.
local function code_of(text)
  local function blank(piece)
    return (piece:gsub("[^\n]", " "))
  end
  local out, at = {}, 1
  while true do
    local start, _, opener = text:find('(["\'/])', at)
    if not start then
      out[#out + 1] = text:sub(at)
      return table.concat(out)
    end
    out[#out + 1] = text:sub(at, start - 1)
    local stop
    if text:sub(start, start + 1) == "/*" then
      stop = select(2, text:find("*/", start + 2, true)) or #text
    elseif text:sub(start, start + 1) == "//" then
      stop = (text:find("\n", start, true) or #text + 1) - 1
    elseif opener == "/" then
      out[#out + 1] = "/"
      stop = nil
    else
      stop = start + 1
      while stop <= #text and text:sub(stop, stop) ~= opener do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
    end
    out[#out + 1] = stop and blank(text:sub(start, stop)) or ""
    at = (stop or start) + 1
  end
end

local function check_include(path, room, header, is_system, complain)
  if is_system then
    if LUA_HEADERS[header] then
      if room ~= "bind" then
        complain("Lua's headers are for src/bind alone: <" .. header .. ">")
      end
    elseif header:find("curl/", 1, true) == 1 then
      if room ~= "io" then
        complain("libcurl is for src/io alone: <" .. header .. ">")
      end
    elseif not OUTER[room] and not PLAIN_HEADERS[header]
      and not (header == "stdlib.h" and path == "src/base/alloc.c") then
      complain("a system header outside of io and bind: <" .. header .. ">")
    end
    return
  end
  local other = header:match("^([%w_]+)/[%w_]+%.h$")
  if not other or not MAY_INCLUDE[other] then
    complain('includes are written "room/file.h": "' .. header .. '"')
  elseif other ~= room and not (" " .. MAY_INCLUDE[room] .. " "):find(" " .. other .. " ", 1, true) then
    complain(("%s may not include %s: \"%s\""):format(room, other, header))
  end
end

local function check_includes(path, room, text, complain)
  local first
  for mark, header in ("\n" .. text):gmatch('\n[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)') do
    first = first or header
    check_include(path, room, header, mark == "<", complain)
  end
  local own = path:match("^src/(.*)%.c$")
  if own and is_file("src/" .. own .. ".h") and first ~= own .. ".h"
    and not first:find("internal%.h$") then
    complain("its own header (or an internal one) comes first, which proves that it is complete")
  end
end

local function check_calls(path, text, complain)
  local code = code_of(text)
  local line = 1
  for before, word, after in code:gmatch("([^%a_]*)([%a_][%w_]*)()") do
    line = line + select(2, before:gsub("\n", ""))
    local member = before:find("[.]%s*$") or before:find("->%s*$")
    local called = code:find("^%s*%(", after)
    if FORBIDDEN[word] and called and not member and not (MAY_CALL[path] and MAY_CALL[path][word]) then
      complain(("%s() at line %d: time, environment, stdio, locale and malloc stay outside of the core")
        :format(word, line))
    end
  end
  for format in text:gmatch('"([^"\n]*)"') do
    if format:gsub("%%%%", ""):find("%%[-+ #0-9.*]*[lL]?[aAeEfFgG]") then
      complain('a conversion that depends on the locale: "' .. format .. '"')
    end
  end
end

local function check_guard(path, text, complain)
  local room, name = path:upper():match("^SRC/([%w_]+)/([%w_]+)%.H$")
  local guard = text:match("#ifndef (%S+)\n#define %1\n")
  if guard ~= "SOUK_" .. name .. "_H" and guard ~= ("SOUK_%s_%s_H"):format(room, name) then
    complain(("its guard is neither SOUK_%s_H nor SOUK_%s_%s_H"):format(name, room, name))
  end
end

local function compiles_alone(path, room)
  local command = ("%s %s -Wall -Wextra -Werror -Isrc %s -fsyntax-only -x c %s 2>&1"):format(
    os.getenv("CC") or "cc", os.getenv("STD") or "-std=c11",
    room == "bind" and os.getenv("LUA_CFLAGS") or "", path)
  local report = lines_of(command)
  -- A header has an unused static function or none; both are fine.
  return #report == 0, report[1]
end

local function check_file(path)
  local room = path:match("^src/([%w_]+)/")
  local text = read_all(path)
  local complaints = {}
  local function complain(what)
    complaints[#complaints + 1] = what
  end

  local count = select(2, text:gsub("\n", ""))
  local most = path:find("^spec/") and MAX_LINES_OF_SPEC or MAX_LINES
  if count > most then
    complain(("%d lines; split what is longer than %d"):format(count, most))
  end
  if room then
    if not MAY_INCLUDE[room] then
      complain("there is no room " .. room)
    else
      check_includes(path, room, text, complain)
      if not OUTER[room] then
        check_calls(path, text, complain)
      end
    end
    if path:find("%.h$") then
      check_guard(path, text, complain)
      local fine, why = compiles_alone(path, room)
      if not fine then
        complain("does not compile alone: " .. why)
      end
    end
  end

  for _, what in ipairs(complaints) do
    print(path .. ": " .. what)
  end
  if #complaints == 0 then
    passed = passed + 1
  else
    failed = failed + 1
  end
end

-- Variables that can change, in the objects of the core. io keeps what there is once in a process: libcurl, and the
-- list of threads.
local function check_globals()
  local bad = 0
  for _, line in ipairs(lines_of("objdump -t build/core/*/*.o 2>/dev/null")) do
    local section, name = line:match("%sO%s+(%.[%w._]+)%s+%x+%s+(%S+)$")
    local writable = section and (section:find("^%.bss") or section == ".data" or section:find("^%.data%.%a+$"))
    if writable and not section:find("rel.ro", 1, true) and not name:find("^souk_io_once") then
      print(("build/core: a variable that can change: %s in %s"):format(name, section))
      bad = bad + 1
    end
  end
  return bad
end

-- What the modules show to the world.
local function check_exports()
  local bad = 0
  for _, module in ipairs(lines_of("ls build/lua*/souk/core.so 2>/dev/null")) do
    for _, line in ipairs(lines_of("nm -D --defined-only " .. module)) do
      local name = line:match("%S+$")
      if not name:find("^luaopen_") then
        print(module .. ": exports " .. name .. "; only luaopen_* is for others")
        bad = bad + 1
      end
    end
  end
  return bad
end

for _, path in ipairs(lines_of("find src spec lua examples -name '*.[ch]' -o -name '*.lua' -o -name '*.mjs' | sort")) do
  check_file(path)
end
for _, check in ipairs({ check_globals, check_exports }) do
  if check() == 0 then
    passed = passed + 1
  else
    failed = failed + 1
  end
end

print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
