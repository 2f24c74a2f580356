--[[
  removeMembers: delete every entry that an index lists, the index, and some entries beside it

  KEYS[1] the index     KEYS[2..] the entries beside it
  Reply   nil
]]
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('DEL', PREFIX .. member)
end
redis.call('DEL', KEYS[1])
for i = 2, #KEYS do
  removeEntry(KEYS[i])
end
