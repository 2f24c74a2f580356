--[[
  wasSpent: whether a record of spent keys holds this one (see spend.lua)

  KEYS[1] the record
  ARGV[1] now, in ms     ARGV[2] the tag of the key
  Reply   1 or 0
]]
local record = redis.call('GET', KEYS[1])
if not record then return 0 end

local at = 0
repeat
  at = string.find(record, ARGV[2], at + 1, true)
until not at or at % 23 == 1
if at and tonumber(string.sub(record, at + 12, at + 22), 16) > tonumber(ARGV[1]) then return 1 end
return 0
