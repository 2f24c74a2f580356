--[[
  A part of store-entry.lua and link.lua: puts a member into an index

  Reads    now, list (the key of the index), member, ttl (in ms, '' for none), expires (in ms)

  An index is a sorted set of its members by expiry. Each write drops the expired members, and the index lives as
  long as the longest of its members.
]]
redis.call('ZREMRANGEBYSCORE', list, '-inf', now)
local remaining = redis.call('PTTL', list)
redis.call('ZADD', list, expires, member)
if ttl == '' then
  redis.call('PERSIST', list)
elseif remaining ~= -1 and remaining < tonumber(ttl) then
  redis.call('PEXPIRE', list, ttl)
end
