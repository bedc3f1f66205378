--- Finds souk itself: where LuaRocks or a plugin manager has put it, or in the checkout that this plugin lies in.
local library = {}

-- This file is examples/neovim/lua/souk_nvim/library.lua of a checkout, unless the plugin was copied.
local function checkout()
  local here = debug.getinfo(1, "S").source:match "^@(.*)$"
  local folder = here and vim.fn.fnamemodify(here, ":p:h:h:h:h:h")
  return folder and vim.fn.filereadable(folder .. "/lua/souk/init.lua") == 1 and folder or nil
end

-- What a plugin manager's build step makes there: `make neovim`.
local function core_of(folder)
  return folder .. "/build/lua5.1/souk/core.so"
end

local function add_paths(folder)
  package.path = ("%s;%s/lua/?.lua;%s/lua/?/init.lua"):format(package.path, folder, folder)
  package.cpath = ("%s;%s/build/lua5.1/?.so"):format(package.cpath, folder)
end

-- The first line says what is missing; the rest are all the places that were looked into.
local function reason(message, folder)
  local first = tostring(message):match("[^\n]+"):gsub(":$", "")
  if folder and vim.fn.filereadable(core_of(folder)) == 0 then
    return ("souk is not built: run `make neovim` in %s (%s)"):format(folder, first)
  end
  return ("souk cannot be loaded: %s (:checkhealth souk)"):format(first)
end

--- Loads souk.
-- @return table|nil
-- @return string|nil what is missing
function library.load()
  local folder
  -- The core is looked for first: a plugin manager may have put the Lua part alone into 'runtimepath', and what fails
  -- while it is loaded cannot be loaded again.
  if not pcall(require, "souk.core") then
    folder = checkout()
    if folder and vim.fn.filereadable(core_of(folder)) == 1 then
      add_paths(folder)
    end
  end
  local ok, souk = pcall(require, "souk")
  if ok then
    return souk
  end
  return nil, reason(souk, folder)
end

--- Where the loaded parts of souk are, for :checkhealth.
-- @return string file of the Lua part
-- @return string|nil file of the core
function library.files(souk)
  local lua_file = debug.getinfo(souk.open, "S").source:match "^@(.*)$"
  for template in package.cpath:gmatch "[^;]+" do
    local path = template:gsub("%?", "souk/core")
    if vim.fn.filereadable(path) == 1 then
      return lua_file, path
    end
  end
  return lua_file, vim.api.nvim_get_runtime_file("lua/souk/core.so", false)[1]
end

return library
