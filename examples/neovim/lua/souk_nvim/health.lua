--- What :checkhealth souk looks at: souk and what it is built on, the file with the servers, each server in it.
local async = require "souk_nvim.async"
local library = require "souk_nvim.library"
local servers = require "souk_nvim.servers"

local health = {}

-- How long the servers get to answer, all of them together, in milliseconds.
local PATIENCE = 20000

-- Neovim 0.7 has its functions in a module, later ones in vim.health, which have short names since 0.10.
local function reporter()
  local module = vim.health or require "health"
  local report = {}
  for _, name in ipairs { "start", "ok", "info", "warn", "error" } do
    local f = module[name] or module["report_" .. name]
    -- 0.7 takes an advice, or no second argument at all.
    report[name] = function(text, advice)
      if advice then
        f(text, advice)
      else
        f(text)
      end
    end
  end
  return report
end

-- --- souk itself -----------------------------------------------------------------------------------------------------

local function check_souk(report)
  report.start "souk"
  if vim.fn.has "nvim-0.7" == 0 then
    report.error "Neovim is older than 0.7"
  end
  local souk, why = library.load()
  if not souk then
    report.error(why, {
      "With LuaRocks: luarocks --lua-version=5.1 make souk-scm-1.rockspec, in a checkout of souk",
      "With a plugin manager: the build step `make neovim`; it needs a C compiler, headers of libcurl and of LuaJIT",
      "On Debian those are libcurl4-openssl-dev and libluajit2-5.1-dev (or libluajit-5.1-dev)",
    })
    return nil
  end
  local lua_file, core_file = library.files(souk)
  report.ok(("souk %s: %s"):format(souk.version, lua_file))
  report.ok(("its core: %s"):format(core_file or "loaded"))
  report.ok(souk.libcurl():match "^%S+ %S+")
  report.ok(("Lua: %s"):format(jit and jit.version or _VERSION))
  return souk
end

-- --- the file --------------------------------------------------------------------------------------------------------

local function report_problem(report, list)
  for _, server in ipairs(list) do
    if server.problem then
      report.error(server.problem)
    end
  end
end

-- The servers that may be used; nil when something is wrong with all of them.
local function check_config(report)
  report.start "servers of the project"
  local path = servers.config_file()
  if path then
    report.info(path)
  else
    report.info "there is no .mcp.json in this folder or above it"
  end
  local list, why, is_distrusted = servers.load(true)
  if not list then
    if is_distrusted then
      report.warn(why, { "the next :Souk asks whether its servers may be used" })
    else
      report.error(why)
    end
    return nil
  end
  if #list == 0 then
    report.warn("there are no servers", { "see :help souk-config" })
  end
  report_problem(report, list)
  return list
end

-- --- each server -----------------------------------------------------------------------------------------------------

local origins = {
  npx = "it comes with Node.js", node = "it is Node.js", uvx = "it comes with uv", uv = "https://docs.astral.sh/uv",
  docker = "it is Docker", python = "it is Python", python3 = "it is Python",
}

local function version_of(program)
  local text = vim.fn.system { program, "--version" }
  return vim.v.shell_error == 0 and vim.trim(text):match "[^\n]+" or "it does not say its version"
end

-- Programs are looked for as they will be started. False when it is missing.
local function check_command(report, server)
  local command = server.options.command
  if vim.fn.executable(command) == 0 then
    local origin = origins[command]
    report.error(("%s: the program %s is not in PATH"):format(server.name, command),
      origin and { ("install %s: %s"):format(command, origin) } or nil)
    return false
  elseif command == "npx" or command == "node" then
    if vim.fn.executable "node" == 0 then
      report.error(("%s: %s needs node, which is not in PATH"):format(server.name, command))
      return false
    end
    report.info(("%s: node %s"):format(server.name, version_of "node"))
  end
  return true
end

local function report_server(report, server, is_over)
  if server.tools then
    local info = servers.market():server(server.name):info() or {}
    report.ok(("%s: %d tools, revision %s over %s"):format(server.name, #servers.tools(server), tostring(info.protocol),
      tostring(info.transport)))
  elseif server.err then
    report.error(tostring(server.err))
  elseif is_over then
    report.error(("%s: no answer within %d seconds"):format(server.name, PATIENCE / 1000))
  end
end

local function check_servers(report, list)
  local reachable = vim.tbl_filter(function(server)
    return not server.problem and (not server.options.command or check_command(report, server))
  end, list)
  local is_done = false
  async.run(function()
    async.each(reachable, servers.connect)
    is_done = true
  end)
  vim.wait(PATIENCE, function() return is_done end, 20)
  for _, server in ipairs(reachable) do
    report_server(report, server, not is_done)
  end
end

function health.check()
  local report = reporter()
  if not check_souk(report) then
    report.info(("the file with the servers: %s"):format(servers.config_file() or "none"))
    return
  end
  local list = check_config(report)
  if list and #list > 0 then
    check_servers(report, list)
  end
end

return health
