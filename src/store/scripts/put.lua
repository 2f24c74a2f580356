--[[
  put: store an entry if every condition holds, and list it in its index

  KEYS[1] the entry     KEYS[2..] entries that must be alive
  ARGV[3] value         ARGV[4] time to live in ms, '' for none
  ARGV[5] '1' if there must be no live entry, else ''
  ARGV[6] the version that it must have, '' for any
  ARGV[7] refs, a key a line, '' for none     ARGV[8] the index that lists it, '' for none
  Reply   stored, exists, changed or gone
]]
if not areLive(KEYS, 2) then return 'gone' end

if ARGV[5] ~= '' or ARGV[6] ~= '' then
  local live = isLive(KEYS[1])
  if ARGV[5] ~= '' and live then return 'exists' end
  if ARGV[6] ~= '' and not live then return 'gone' end
  if ARGV[6] ~= '' and redis.call('HGET', KEYS[1], 'version') ~= ARGV[6] then return 'changed' end
end

storeEntry(KEYS[1], ARGV[3], ARGV[4], ARGV[7], ARGV[8])
return 'stored'
