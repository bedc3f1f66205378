-- The soak: a short one, and its judge, who has to find what is wrong.

local help = require "spec.support.help"
local verdict = require "spec.soak.verdict"

local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

after_each(help.clean_up)

describe("a short soak #harness", function()
  it("has all faults, loses no call and leaves nothing behind", function()
    local command = "timeout 120 %s -e 'dofile \"spec/support/paths.lua\"' spec/soak/soak.lua 0.1 1600 2>&1"
    local text = help.output_of(command:format(interpreter))
    local passed, failed = text:match "(%d+) passed, (%d+) failed$"
    assert.equal("0", failed, text)
    assert.is_true(tonumber(passed) >= 24, text)
  end)
end)

describe("the judge of the soak #harness", function()
  -- What it says about these records; `started` calls.
  local function judge(executed, ends, started)
    local folder = help.folder()
    help.write_file(folder .. "/executed", executed)
    help.write_file(folder .. "/ends", ends)
    return verdict.calls(folder .. "/ends", verdict.executions(folder .. "/executed"), started)
  end

  it("is content with what is right", function()
    local complaints, ends = judge("1\n2\n4\n4\n", "1 once none ok -\n2 once half transport ambiguous\n"
      .. "3 once refuse auth rejected\n4 often half ok -\n5 once slow timeout ambiguous\n", 5)
    assert.same({}, complaints)
    assert.same({ ok = 1, transport = 1 }, { ok = ends.half.ok, transport = ends.half.transport })
  end)

  for what, case in pairs {
    ["executed more than once"] = { "1\n1\n", "1 once half transport ambiguous\n", 1 },
    ["succeeded, and was not executed"] = { "", "1 often none ok -\n", 1 },
    ["its tool failed, and was not executed"] = { "", "1 once tool_error tool delivered\n", 1 },
    ["not_sent, and was executed"] = { "1\n", "1 once none transport not_sent\n", 1 },
    ["rejected, and was executed"] = { "1\n", "1 once refuse auth rejected\n", 1 },
    ["ended more than once"] = { "1\n", "1 once none ok -\n1 once none ok -\n", 1 },
    ["never ended"] = { "1\n", "1 once none ok -\n", 2 },
    ["executed, and has no end"] = { "1\n2\n", "1 once none ok -\n", 1 },
    ["the record of an end cannot be read"] = { "1\n", "1 once none ok -\nnonsense\n", 1 },
  } do
    it("finds: " .. what, function()
      assert.same({ [what] = 1 }, (judge(case[1], case[2], case[3])))
    end)
  end

  local function row(f)
    local list = {}
    for i = 1, 100 do
      list[i] = f(i)
    end
    return list
  end

  it("tells growth from noise", function()
    assert.is_true((verdict.is_flat(row(function(i) return 1000 + i % 7 end), 0.1, 10)))
    assert.is_true((verdict.is_flat(row(function(i) return i < 10 and i or 1000 end), 0.1, 10))) -- the warm-up
    assert.is_true((verdict.is_flat(row(function(i) return i == 90 and 9000 or 1000 end), 0.1, 10)))
    assert.is_false((verdict.is_flat(row(function(i) return 1000 + 10 * i end), 0.1, 10)))
    assert.is_nil((verdict.is_flat({ 1, 2, 3, 4, 5 }, 0.1, 10)))
  end)
end)
