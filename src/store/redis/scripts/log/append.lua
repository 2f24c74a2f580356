#!lua flags=allow-oom
--[[
  append: add to a log, and drop what has expired at its old end

  KEYS[1] the log, a stream whose entries hold value and expires (ms)     KEYS[2] the lineage of all logs
  ARGV[1] now, in ms     ARGV[2] value     ARGV[3] how long it is kept, in ms
  ARGV[4] by how much clocks may differ, in ms
  Reply   the lineage ('' if the log was not read yet) and the id of the entry

  Each append looks at the two oldest entries, so the log shrinks while its oldest entries have expired. An old entry with
  a long life delays the removal of younger ones, at most for its own life.

  An entry is dropped when it has expired by the caller's clock and by that of Redis, each with the difference between
  clocks added: no single clock that is wrong drops what others still need.
]]
local now = tonumber(ARGV[1])
local remaining = redis.call('PTTL', KEYS[1])
local id = redis.call('XADD', KEYS[1], '*', 'value', ARGV[2], 'expires', string.format('%.0f', now + ARGV[3]))
local kept = ARGV[3] + ARGV[4]
if remaining < kept then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', kept)) end

local past = math.min(now, redis.call('TIME')[1] * 1000) - ARGV[4]
for _, oldest in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 2)) do
  if tonumber(oldest[2][4]) > past then break end
  redis.call('XDEL', KEYS[1], oldest[1])
end
return { string.match(redis.call('GET', KEYS[2]) or '', ' (.*)') or '', id }
