-- What is written about souk is true: tables, types, and the scripts that readers paste.

local help = require "spec.support.help"
local souk = require "souk"

local readme = help.read_file "README.md"

describe("the README's table of errors", function()
  it("has every kind, with the meaning that the code gives it", function()
    local seen = {}
    local part = readme:match "\n## Errors\n(.-)\n## "
    for kind, meaning in part:gmatch "\n| `([a-z]+)` | ([^\n]-) |" do
      seen[kind] = meaning
    end
    assert.same(souk.error_kinds, seen)
  end)
end)
