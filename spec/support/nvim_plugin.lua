-- The plugin in examples/neovim, for specs that run it in a real headless Neovim with the user of nvim_user.lua.
--
--     local plugin = require "spec.support.nvim_plugin"
--     setup(plugin.start_server) teardown(plugin.stop) before_each(plugin.reset) after_each(plugin.clean_up)
--     local window = plugin.run(plugin.here(), [[
--       vim.cmd 'Souk call s.echo {"text": "x"}'
--       user.wait_for "done after"
--       return user.window()
--     ]])

local cjson = require "cjson"
local nvim = require "spec.support.nvim"
local servers = require "spec.support.servers"
local shell = require "spec.support.shell"

local plugin = { folder = "examples/neovim" }

local server
local folders = {}

function plugin.start_server()
  server = servers.start("scripted", { knobs = { all_tools = true } })
end

function plugin.stop()
  server = nil
  servers.stop_all()
end

function plugin.reset()
  server:reset()
  server:knobs { all_tools = true }
end

function plugin.clean_up()
  for _, folder in ipairs(folders) do
    os.execute("rm -rf '" .. folder .. "'")
  end
  folders = {}
  servers.check()
end

function plugin.server()
  return server
end

plugin.output_of = shell.output_of

-- A project with this .mcp.json: a text, or a table of servers; nil: it has none.
function plugin.project(content)
  local folder = plugin.output_of "mktemp -d"
  folders[#folders + 1] = folder
  if content then
    local file = assert(io.open(folder .. "/.mcp.json", "w"))
    file:write(type(content) == "string" and content or cjson.encode { mcpServers = content })
    file:close()
  end
  return folder
end

-- The scripted server, as "s".
function plugin.here()
  return { s = { type = "http", url = server.url } }
end

local PRELUDE = [[
package.path = package.path .. ";" .. (...) .. "/?.lua"
user = require "spec.support.nvim_user"
require("souk_nvim").setup { trust = true }
]]

plugin.top = plugin.output_of "pwd"

-- Runs a script in a project, with the plugin and a user; gives what it returns. `env`: variables.
function plugin.run(content, script, env)
  return nvim.value(PRELUDE .. script, {
    arguments = { plugin.top }, rtp = { plugin.folder }, cwd = plugin.project(content), env = env, timeout = 30,
  })
end

return plugin
