#!lua flags=allow-oom
--[[
  removeMembers: delete every entry that an index lists, the index, and some other entries

  KEYS[1] the index     KEYS[2..] the other entries
  ARGV[1] the prefix of every key
  Reply   nil

  The members are not among KEYS, but share their hash tag and so their node.
]]
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('DEL', ARGV[1] .. member)
end
local key = KEYS[1]
-- include: parts/delete-entry
for i = 2, #KEYS do
  -- A record of spent keys is no hash, and listed nowhere.
  local index = redis.pcall('HGET', KEYS[i], 'index')
  if type(index) == 'string' and index ~= '' then redis.call('ZREM', ARGV[1] .. index, string.sub(KEYS[i], #ARGV[1] + 1)) end
  redis.call('DEL', KEYS[i])
end
