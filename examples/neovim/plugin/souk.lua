-- The command :Souk. Neither souk nor the rest of this plugin is loaded before it is used.
if vim.g.loaded_souk then
  return
end
vim.g.loaded_souk = true

vim.api.nvim_create_user_command("Souk", function(args)
  require("souk_nvim.command").run(args.args)
end, {
  nargs = "*",
  desc = "Lists and calls the tools of MCP servers",
  complete = function(lead, line, cursor)
    return require("souk_nvim.command").complete(lead, line, cursor)
  end,
})
