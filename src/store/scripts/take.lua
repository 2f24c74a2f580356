--[[
  take: remove an entry and give its value

  KEYS[1] the entry
  Reply   the value, nil when it is not alive
]]
if not isLive(KEYS[1]) then return false end

local value = redis.call('HGET', KEYS[1], 'value')
removeEntry(KEYS[1])
return value
