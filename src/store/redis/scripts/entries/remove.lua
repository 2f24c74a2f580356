#!lua flags=allow-oom
--[[
  remove: delete entries and take each off the index that lists it

  KEYS    the entries
  ARGV[1] the prefix of every key
  Reply   nil

  When there is nothing to delete it still writes, so that a WAIT after it covers an earlier removal.
]]
for _, key in ipairs(KEYS) do
  -- A record of spent keys is no hash, and listed nowhere.
  local index = redis.pcall('HGET', key, 'index')
  if type(index) == 'string' and index ~= '' then redis.call('ZREM', ARGV[1] .. index, string.sub(key, #ARGV[1] + 1)) end
  -- include: parts/delete-entry
end
