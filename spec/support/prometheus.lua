-- Reads Prometheus' text format 0.0.4, strictly: whatever a scraper could stumble over raises.
--
--     local families = prometheus.read(market:metrics())
--     families.souk_calls_total.type                          -- "counter"
--     prometheus.value(families, "souk_sessions", { state = "open" })
local prometheus = {}

local TYPES = { counter = true, gauge = true, histogram = true, summary = true, untyped = true }
local ESCAPES = { ["\\"] = "\\", ['"'] = '"', n = "\n" }

-- A label's value from behind its opening quote on; returns it, and what follows the closing one.
local function quoted(text)
  local out, at = {}, 1
  while true do
    local c = text:sub(at, at)
    assert(c ~= "", "a label's value does not end")
    if c == '"' then
      return table.concat(out), text:sub(at + 1)
    elseif c == "\\" then
      at = at + 1
      c = assert(ESCAPES[text:sub(at, at)], "an escape that the format does not know")
    end
    out[#out + 1] = c
    at = at + 1
  end
end

local function read_labels(text)
  local labels = {}
  while true do
    local name, rest = text:match '^([%a_][%w_]*)="(.*)$'
    assert(name, "no label: " .. text)
    assert(labels[name] == nil, "a label stands twice: " .. name)
    labels[name], text = quoted(rest)
    local separator = text:sub(1, 1)
    text = text:sub(2)
    if separator == "}" then
      return labels, text
    end
    assert(separator == ",", "no comma between labels")
  end
end

local function key_of(labels)
  local parts = {}
  for name, value in pairs(labels) do
    parts[#parts + 1] = ("%q=%q"):format(name, value)
  end
  table.sort(parts)
  return table.concat(parts, ",")
end

local function family_of(families, name)
  local base = name:gsub("_bucket$", ""):gsub("_sum$", ""):gsub("_count$", "")
  if families[base] and families[base].type == "histogram" then
    return families[base], name:sub(#base + 1)
  end
  return families[name], ""
end

local function read_sample(families, line, current)
  local name, rest = line:match "^([%a_:][%w_:]*)(.*)$"
  assert(name, "no sample: " .. line)
  local labels = {}
  if rest:sub(1, 1) == "{" then
    labels, rest = read_labels(rest:sub(2))
  end
  local value = rest:match "^ ([%d%.e+-]+)$" -- our own values are finite, and have no time
  assert(value and tonumber(value), "no value: " .. line)
  local family, suffix = family_of(families, name)
  assert(family and family == current, "a sample outside of its family: " .. line)
  local key = suffix .. "{" .. key_of(labels)
  assert(not family.seen[key], "a sample stands twice: " .. line)
  family.seen[key] = true
  family.samples[#family.samples + 1] = { suffix = suffix, labels = labels, value = tonumber(value) }
end

-- The buckets of each histogram grow, end with +Inf, and agree with the count.
local function check_histogram(name, family)
  local groups = {}
  for _, sample in ipairs(family.samples) do
    local rest, le = {}, sample.labels.le
    for label, value in pairs(sample.labels) do
      rest[label] = label ~= "le" and value or nil
    end
    local key = key_of(rest)
    groups[key] = groups[key] or { bound = -math.huge, value = 0 }
    local group = groups[key]
    if sample.suffix == "_bucket" then
      local bound = le == "+Inf" and math.huge or tonumber(le)
      assert(bound > group.bound and sample.value >= group.value, name .. ": buckets do not grow")
      group.bound, group.value = bound, sample.value
    else
      assert(le == nil and sample.suffix ~= "", name)
      group[sample.suffix] = sample.value
    end
  end
  for key, group in pairs(groups) do
    assert(group.bound == math.huge, name .. ": there is no bucket +Inf: " .. key)
    assert(group._count == group.value, name .. ": count and buckets differ: " .. key)
    assert(group._sum, name .. ": there is no sum: " .. key)
  end
end

-- name -> { type, help, samples = { { suffix, labels, value }, ... } }
function prometheus.read(text)
  assert(text:sub(-1) == "\n", "the last line does not end")
  local families, current = {}, nil
  for line in text:gmatch "([^\n]*)\n" do
    local help_name, help = line:match "^# HELP ([%a_:][%w_:]*) (.+)$"
    local type_name, kind = line:match "^# TYPE ([%a_:][%w_:]*) (%l+)$"
    if help_name then
      assert(not families[help_name], "a family stands twice: " .. help_name)
      current = { name = help_name, help = help, samples = {}, seen = {} }
      families[help_name] = current
    elseif type_name then
      assert(current and current.name == type_name and not current.type and TYPES[kind], "a strange TYPE: " .. line)
      current.type = kind
    else
      assert(current and current.type, "a sample before its TYPE: " .. line)
      read_sample(families, line, current)
    end
  end
  for name, family in pairs(families) do
    assert((family.type == "counter") == (name:find "_total$" ~= nil), name .. " is no " .. tostring(family.type))
    if family.type == "histogram" then
      check_histogram(name, family)
    end
  end
  return families
end

-- The value of the sample with exactly these labels, or nil.
function prometheus.value(families, name, labels)
  local family, suffix = family_of(families, name)
  for _, sample in ipairs(assert(family, "there is no " .. name).samples) do
    if sample.suffix == suffix and key_of(sample.labels) == key_of(labels or {}) then
      return sample.value
    end
  end
end

return prometheus
