--- :checkhealth souk
local health = require "souk_nvim.health"

return { check = health.check }
