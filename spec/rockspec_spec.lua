describe("the rockspec #harness", function()
  it("lists every source and every module of the tree", function()
    local file = assert(io.open("souk-scm-1.rockspec"))
    local text = file:read("*a")
    file:close()
    local written = dofile("spec/tools/rockspec.lua")()
    assert.is_true(written == text, "souk-scm-1.rockspec is not up to date: make rockspec")
  end)

  it("names the version of the code in one place", function()
    local file = assert(io.open("src/base/version.h"))
    local version = file:read("*a"):match('#define SOUK_VERSION "(%d+%.%d+%.%d+)"')
    file:close()
    assert.truthy(version)
    local pipe = assert(io.popen(("grep -rnF '%s' src lua"):format(version)))
    local others = {}
    for line in pipe:lines() do
      if not line:find("^src/base/version%.h:") then
        others[#others + 1] = line
      end
    end
    pipe:close()
    assert.same({}, others)
  end)
end)
