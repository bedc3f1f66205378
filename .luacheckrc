std = "min"          -- what Lua 5.1 to 5.4 and LuaJIT have in common
max_line_length = 120
codes = true
cache = false
read_globals = {
  "jit", "ngx", "vim", "utf8", "unpack",
  table = { fields = { "move", "pack", "unpack" } },
  math = { fields = { "maxinteger", "mininteger", "tointeger", "type" } },
  string = { fields = { "pack", "unpack" } },
}
files["spec/**/*_spec.lua"] = { std = "min+busted" }
files["spec/support"] = { std = "min+busted" }
-- vim.bo and the like are set there, and vim.ui is taken over.
files["examples/neovim"] = { globals = { "vim" } }
files["spec/support/nvim_user.lua"] = { std = "min", globals = { "vim" } }
exclude_files = { "build", "lua_modules" }
files["examples/openresty"] = { globals = { "ngx" } }
