--- Capabilities that are functions of the gateway itself, to try it out with. Put your own in their place.
local souk = require "souk"

local demo = {}

-- An object schema: its properties, and which of them have to be there.
local function object(properties, required)
  return { type = "object", properties = properties, required = souk.array(required or {}) }
end

local upper = {
  id = "demo.upper",
  description = "Says it louder.",
  input_schema = object({ text = { type = "string" } }, { "text" }),
  handler = function(input)
    return { text = input.text:upper() }
  end,
}

-- ngx.sleep lets the worker do other things. When the client goes away nginx ends this light thread by itself.
local slow = {
  id = "demo.slow",
  description = "Takes so many seconds, and tells how it goes five times a second.",
  input_schema = object({ seconds = { type = "number", minimum = 0, maximum = 60 } }, { "seconds" }),
  handler = function(input, opts)
    local steps = math.max(1, math.ceil(input.seconds * 5))
    for step = 1, steps do
      ngx.sleep(input.seconds / steps)
      if opts.on_progress then
        opts.on_progress { progress = step, total = steps, message = ("step %d of %d"):format(step, steps) }
      end
    end
    return { slept = input.seconds }
  end,
}

local kinds = {}
for kind in pairs(souk.error_kinds) do
  kinds[#kinds + 1] = kind
end
table.sort(kinds)

local fail = {
  id = "demo.fail",
  description = "Fails in the way that it is told to: for trying out what a client does then.",
  input_schema = object {
    kind = { type = "string", enum = souk.array(kinds) },
    message = { type = "string" },
    retry_after = { type = "number", minimum = 0 },
    code = { type = "integer" },
    delivery = { type = "string", enum = souk.array { "not_sent", "rejected", "delivered", "ambiguous" } },
  },
  handler = function(input)
    return nil, {
      kind = input.kind or "tool", message = input.message or "it did not work", retry_after = input.retry_after,
      code = input.code, delivery = input.delivery,
    }
  end,
}

--- Registers them.
function demo.register(market)
  for _, manifest in ipairs { upper, slow, fail } do
    assert(market:register(manifest))
  end
end

return demo
