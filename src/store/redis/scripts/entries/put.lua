--[[
  put: store an entry if every condition holds, and list it in its index

  KEYS[1] the entry     KEYS[2..] entries that must be alive
  ARGV[1] the prefix of every key     ARGV[2] now, in ms
  ARGV[3] value         ARGV[4] time to live in ms, '' for none
  ARGV[5] if there must be no live entry: how much longer than its life Redis keeps it, in ms; else ''
  ARGV[6] the version that it must have, '' for any
  ARGV[7] refs, a key a line, '' for none     ARGV[8] the index that lists it, '' for none
  Reply   stored, exists, changed or gone

  The indexes are not among KEYS, but share their hash tag and so their node.
]]
local now = tonumber(ARGV[2])
for i = 2, #KEYS do
  local needed = redis.call('HGET', KEYS[i], 'expires')
  if not needed or tonumber(needed) <= now then return 'gone' end
end

if ARGV[5] ~= '' or ARGV[6] ~= '' then
  local there = redis.call('HMGET', KEYS[1], 'expires', 'version')
  local isThere = there[1] and tonumber(there[1]) > now
  if ARGV[5] ~= '' and isThere then return 'exists' end
  if ARGV[6] ~= '' and not isThere then return 'gone' end
  if ARGV[6] ~= '' and there[2] ~= ARGV[6] then return 'changed' end
end

local key, value, ttl, refs, index = KEYS[1], ARGV[3], ARGV[4], ARGV[7], ARGV[8]
-- include: parts/store-entry
-- A replay marker that vanishes early lets a replay through, and the clock of Redis may be ahead of the caller's.
if ARGV[5] ~= '' and ttl ~= '' then redis.call('PEXPIRE', key, ttl + ARGV[5]) end
return 'stored'
