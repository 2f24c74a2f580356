--[[
  decrement: take one back from a live counter, which first counts no more than a limit; at zero the counter is removed

  KEYS[1] the counter
  ARGV[1] now, in ms     ARGV[2] the limit
  Reply   the count that is left
]]
local expires = redis.call('HGET', KEYS[1], 'expires')
if not expires or tonumber(expires) <= tonumber(ARGV[1]) then return 0 end
local count = math.min(tonumber(redis.call('HGET', KEYS[1], 'value')), tonumber(ARGV[2])) - 1
if count <= 0 then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[1], 'value', count)
return count
