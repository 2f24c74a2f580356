#!lua flags=allow-oom
--[[
  take: remove an entry and give its value

  KEYS[1] the entry
  ARGV[1] the prefix of every key     ARGV[2] now, in ms
  Reply   the value, nil when it is not alive
]]
local held = redis.call('HMGET', KEYS[1], 'expires', 'value', 'index')
if not held[1] or tonumber(held[1]) <= tonumber(ARGV[2]) then return false end

if held[3] and held[3] ~= '' then redis.call('ZREM', ARGV[1] .. held[3], string.sub(KEYS[1], #ARGV[1] + 1)) end
redis.call('DEL', KEYS[1])
return held[2]
