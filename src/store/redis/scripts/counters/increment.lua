--[[
  increment: add one to a counter, an entry whose value is the count

  KEYS[1] the counter
  ARGV[1] now, in ms     ARGV[2] time to live in ms, set by the first call
  Reply   the count, and its expiry in ms
]]
local expires = redis.call('HGET', KEYS[1], 'expires')
if not expires or tonumber(expires) <= tonumber(ARGV[1]) then
  expires = string.format('%.0f', ARGV[1] + ARGV[2])
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'value', 1, 'version', 1, 'expires', expires)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return { 1, expires }
end
redis.call('HINCRBY', KEYS[1], 'version', 1)
return { redis.call('HINCRBY', KEYS[1], 'value', 1), expires }
