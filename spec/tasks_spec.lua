-- Calls that a modern server makes tasks of (extension io.modelcontextprotocol/tasks), over both transports.

local eras = require "spec.support.eras"
local help = require "spec.support.help"
local souk = require "souk"

teardown(eras.stop)
after_each(eras.finish)

local fails = help.fails

-- The only task that the server knows of; its id as the second value.
local function task_of(peer)
  local id, entry = next(peer.ledger().tasks)
  return entry, id
end

local function statuses(seen)
  local list = {}
  for _, progress in ipairs(seen) do
    if progress.task and list[#list] ~= progress.status then
      list[#list + 1] = progress.status
    end
  end
  return list
end

for _, case in ipairs(eras.cases) do
  if case.era == "modern" then
    describe("a task over " .. case.transport, function()
      it("is followed to its end, and its result is that of the call", function()
        local market, peer = eras.connect(case)
        assert.same({ worked = 60 }, market:call("mcp.s.task", { ms = 60 }))
        assert(market:server("s"):ping()) -- until it answers a child may keep its ledger for itself
        local entry = task_of(peer)
        assert.same({ "working", "completed" }, entry.statuses)
        assert.is_true(entry.polls >= 1)
      end)

      it("tells how it goes", function()
        local market = eras.connect(case)
        local seen = {}
        local handle = market:start("mcp.s.task", { ms = 80, steps = 2 }, { on_progress = function(progress)
          seen[#seen + 1] = progress
        end })
        assert.same({ worked = 80 }, handle:wait())
        assert.equal("working", statuses(seen)[1])
        assert.equal(seen[1].task, handle:task())
        assert.is_string(handle:task())
        local last = seen[#seen]
        assert.truthy(last.message == "step 1 of 2" or last.message == "step 2 of 2", tostring(last.message))
      end)

      it("is not made when the client does not want it", function()
        local market, peer = eras.connect(case, { server = { tasks = false } })
        assert.same({ worked = 5 }, market:call("mcp.s.task", { ms = 5 }))
        assert.is_nil(task_of(peer))
      end)

      it("asks the user", function()
        local market, peer = eras.connect(case, { open = { elicitation = function(request)
          assert.equal("mcp.s.task", request.capability)
          return { name = "Ann" }
        end } })
        local result = assert(market:call("mcp.s.task", { ms = 5, ask = true }))
        assert.equal("Ann", result.form.content.name)
        assert.same({ "working", "input_required", "working", "completed" }, task_of(peer).statuses)
        assert.equal(1, task_of(peer).updates)
      end)

      it("fails as a tool, or as a request", function()
        local market = eras.connect(case)
        local err = fails("tool", "the task did not work", market:call("mcp.s.task", { ms = 5, fail = "tool" }))
        assert.is_true(err.data.isError)
        err = fails("rpc", "the task failed", market:call("mcp.s.task", { ms = 5, fail = "rpc" }))
        assert.equal(1234, err.code)
        assert.equal("it was told to", err.data.reason)
      end)

      it("is cancelled with the call", function()
        local market, peer = eras.connect(case)
        local id
        local handle = market:start("mcp.s.task", { ms = 5000 }, { on_progress = function(progress)
          id = progress.task
        end })
        help.step_until(market, function() return id end)
        handle:cancel()
        fails("cancelled", "", handle:wait())
        help.step_until(market, function() return task_of(peer).cancels == 1 end)
        assert.equal("cancelled", task_of(peer).statuses[2])
      end)

      it("goes on when the time for the call is over, and can be taken up by its id", function()
        -- The task is one that ends when it is told to, by a second call of its tool.
        local market, peer = eras.connect(case, { knobs = { tasks = { "meet" } } })
        local server = market:server "s"
        local handle = market:start("mcp.s.meet", { count = 2 }, { timeout = 2, cap = 2 })
        local err = fails("timeout", "", handle:wait())
        local id = assert(handle:task())
        assert.truthy(err.message:find(id, 1, true), err.message)
        -- The last poll of the call may still be on its way; the server has it before it answers the ping. Only then
        -- begins the time that it wants between two polls.
        local function rest()
          assert(server:ping())
          help.output_of "sleep 0.03"
        end
        rest()
        local entry = peer.ledger().tasks[id]
        assert.same({ "working" }, entry.statuses)
        assert.equal(0, entry.cancels)
        local again = assert(server:task(id))
        help.step_until(market, function() return peer.ledger().tasks[id].polls > entry.polls end)
        assert.is_false(again:done())
        assert.equal("met 2", market:call("mcp.s.meet", { count = 2 }))
        assert.equal("met 2", again:wait())
        if case.transport == "http" then -- another child would know nothing of the task
          rest()
          local other = help.open()
          assert(other:add_server("s", peer.where))
          assert.equal("met 2", assert(other:server("s"):task(id)):wait())
        end
      end)

      it("that nobody knows is an error", function()
        local market = eras.connect(case)
        local err = fails("rpc", "no such task", market:server("s"):task("none"):wait())
        assert.equal(-32602, err.code)
      end)

      it("has an id without anybody watching its progress", function()
        local market = eras.connect(case)
        local handle = market:start("mcp.s.task", { ms = 200 })
        help.step_until(market, function() return handle:task() end)
        assert.same({ worked = 200 }, handle:wait())
      end)

      it("is of every tool that the server says", function()
        local market, peer = eras.connect(case, { knobs = { tasks = { "echo" }, poll_interval = souk.null } })
        assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
        assert.equal("echo", task_of(peer).tool)
      end)
    end)
  end
end
