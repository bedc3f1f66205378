--- The host for every other event loop: it watches market:fd(), and calls market:dispatch() when that is readable.
--
-- Calls are best made with market:start and handle:on_done. Whoever waits nevertheless holds up the loop, unless the
-- program says how coroutines of its loop are parked (a function as souk.open's option `host`).
local parked = require "souk.host.parked"

local loop = {}

-- Parks whoever runs now by the program's own means.
local Own = {}
Own.__index = Own

function Own:sleep(timeout)
  if not self.woken then
    self.park(timeout)
  end
  self.woken = false
  return true
end

function Own:wake()
  self.woken = true
  self.unpark()
end

--- A host that waits with the program's function: parker() gives park(timeout) and unpark() for whoever runs now; nil
-- where nobody can be parked, as in the main program.
function loop.new(parker)
  return parked.host {
    name = "loop",
    attach = parked.attach,
    waiter = function(market, state)
      local park, unpark = nil, nil
      if parker then
        park, unpark = parker()
      end
      if park then
        return setmetatable({ park = park, unpark = unpark }, Own)
      end
      return parked.hold_up(market, state)
    end,
  }
end

return loop
