--[[
  Stores an entry of a backup as it was

  KEYS[1] the entry
  ARGV[1] the prefix of every key     ARGV[2] now, in ms
  ARGV[3] value     ARGV[4] version     ARGV[5] when it ends, in ms, '' for never
  ARGV[6] refs, a key a line, '' for none     ARGV[7] the index that lists it, '' for none
  ARGV[8..11] consumed_at, consumed_by, note and note_expires, '' for none
  Reply   nil
]]
local key, now, ttl = KEYS[1], tonumber(ARGV[2]), ''
local expires = ARGV[5] == '' and '9007199254740991' or ARGV[5]
if ARGV[5] ~= '' then ttl = string.format('%.0f', ARGV[5] - now) end

redis.call('DEL', key)
redis.call('HSET', key, 'value', ARGV[3], 'version', ARGV[4], 'expires', expires, 'refs', ARGV[6], 'index', ARGV[7])
if ARGV[8] ~= '' then redis.call('HSET', key, 'consumed_at', ARGV[8], 'consumed_by', ARGV[9]) end
if ARGV[11] ~= '' then redis.call('HSET', key, 'note', ARGV[10], 'note_expires', ARGV[11]) end
if ttl ~= '' then redis.call('PEXPIRE', key, ttl) end
if ARGV[7] ~= '' then
  local list, member = ARGV[1] .. ARGV[7], string.sub(key, #ARGV[1] + 1)
  -- include: parts/enlist
end
