--[[
  increment: add one to a counter, an entry whose value is the count

  KEYS[1] the counter
  ARGV[3] time to live in ms, set by the first call
  Reply   the count, and its expiry in ms
]]
if not isLive(KEYS[1]) then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'expires', text(expiryOf(ARGV[3])))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
local expires = redis.call('HGET', KEYS[1], 'expires')
local count = redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[1], 'value', count)
return { count, expires }
