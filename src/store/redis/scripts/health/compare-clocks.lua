#!lua flags=allow-oom
--[[
  compareClocks: leave by how much a node's clock differs from that of Redis, and learn it of all nodes

  KEYS[1] the differences, by node
  ARGV[1] the node     ARGV[2] its difference in ms, '' while it is not known
  ARGV[3] the run id of the Redis that it was measured against     ARGV[4] how long a difference counts, in ms
  Reply   the run id, the time of Redis in ms, then each node and its difference

  What was measured against another Redis says nothing about this one's clock.
]]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] ~= '' and ARGV[3] == run then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %.0f %s', run, now, ARGV[2]))
  redis.call('PEXPIRE', KEYS[1], 60000)
end

local reply = { run, string.format('%.0f', now) }
local held = redis.call('HGETALL', KEYS[1])
for i = 1, #held, 2 do
  local ofRun, at, difference = string.match(held[i + 1], '(%S+) (%S+) (%S+)')
  if ofRun == run and math.abs(now - at) <= tonumber(ARGV[4]) then
    reply[#reply + 1], reply[#reply + 2] = held[i], difference
  else
    redis.call('HDEL', KEYS[1], held[i])
  end
end
return reply
