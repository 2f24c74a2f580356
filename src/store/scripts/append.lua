--[[
  append: add to a log, and drop what has expired at its old end

  KEYS[1] the log, a stream whose entries hold value and expires (ms)
  ARGV[1] now, in ms     ARGV[2] value     ARGV[3] how long it is kept, in ms
  Reply   the id of the entry

  Looking at two entries with every one that is added makes the log shorter for as long as its oldest have expired. An
  old entry that is kept long holds up the younger behind it: for its own time at most.
]]
local now = tonumber(ARGV[1])
local remaining = redis.call('PTTL', KEYS[1])
local id = redis.call('XADD', KEYS[1], '*', 'value', ARGV[2], 'expires', string.format('%.0f', now + ARGV[3]))
if remaining < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end

for _, oldest in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 2)) do
  if tonumber(oldest[2][4]) > now then break end
  redis.call('XDEL', KEYS[1], oldest[1])
end
return id
