--[[
  A part of remove.lua and remove-members.lua: deletes an entry, and writes even if there is none

  Reads    key
]]
if redis.call('DEL', key) == 0 then
  redis.call('SET', key, '')
  redis.call('DEL', key)
end
