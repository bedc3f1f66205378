-- The harness that other specs run Neovim with: what a script returns, raises and says comes back, and nothing hangs.

local nvim = require "spec.support.nvim"

describe("a script in Neovim #harness", function()
  it("gets arguments, and its value comes back", function()
    local value = nvim.value([[
      local name, list = ...
      return { name = name, sum = list[1] + list[2], lua = jit.version, headless = #vim.api.nvim_list_uis() == 0 }
    ]], { arguments = { "it's \"quoted\"", { 1, 2 } } })
    assert.equal("it's \"quoted\"", value.name)
    assert.equal(3, value.sum)
    assert.truthy(value.lua:find "LuaJIT")
    assert.is_true(value.headless)
  end)

  it("finds the souk of this checkout, unless it is not to", function()
    local script = [[
      local ok, souk = pcall(require, "souk")
      return ok and { version = souk.version, source = debug.getinfo(souk.open, "S").source } or false
    ]]
    local value = nvim.value(script)
    assert.truthy(value.source:find "/lua/souk/init.lua")
    assert.equal("string", type(value.version))
    assert.is_false(nvim.value(script, { paths = false }))
  end)

  it("that raises ends Neovim with code 1, and says where", function()
    local run = nvim.run "local x = 1\nerror 'this went wrong'"
    assert.equal(1, run.code)
    assert.is_nil(run.value)
    assert.truthy(run.error:find "script.lua:2: this went wrong")
    assert.truthy(run.output:find "this went wrong")
    local ok, message = pcall(nvim.value, "return print")
    assert.is_false(ok)
    assert.truthy(message:find "cannot be encoded", message)
  end)

  it("whose callbacks raise does not pass", function()
    local ok, message = pcall(nvim.value, [[
      vim.schedule(function() error "in a callback" end)
      vim.wait(50, function() return false end)
    ]])
    assert.is_false(ok)
    assert.truthy(message:find "in a callback", message)
  end)

  it("that takes too long is ended", function()
    local run = nvim.run("vim.wait(60000, function() return false end)", { timeout = 0.3 })
    assert.equal(124, run.code)
    assert.truthy(run.error:find "did not come to its end")
  end)

  it("runs while others run, in a folder and with variables of its own", function()
    local script = [[
      vim.wait(300, function() return false end)
      return { vim.fn.getcwd(), vim.env.COLOUR or "none", vim.env.HOME or "none" }
    ]]
    local options = { cwd = "/tmp", env = { COLOUR = "dark blue", HOME = false } }
    local first, second = nvim.start(script, options), nvim.start(script, {})
    assert.same({ "/tmp", "dark blue", "none" }, first:wait().value)
    assert.equal("none", second:wait().value[2])
    assert.equal(first:wait(), first:wait())
  end)
end)
