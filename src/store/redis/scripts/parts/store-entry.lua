--[[
  A part of put.lua and consume.lua: stores an entry and lists it in its index

  Reads    now, key, value, ttl (in ms, '' for none), refs (a key a line), index ('' for none); ARGV[1], the prefix
  Leaves   expires, in ms

  An entry is a hash: value, version, expires (ms); refs and index where there are or were any; and once it was consumed
  consumed_at (ms), consumed_by, note, note_expires (ms). Over an entry that has expired this stores a new one; over a
  live one it keeps whether that was consumed.
]]
local held = redis.call('HMGET', key, 'expires', 'version', 'index')
local isLive = held[1] and tonumber(held[1]) > now
local member = string.sub(key, #ARGV[1] + 1)
if held[3] and held[3] ~= '' and held[3] ~= index then redis.call('ZREM', ARGV[1] .. held[3], member) end
if held[1] and not isLive then redis.call('DEL', key) end

local version = isLive and held[2] + 1 or 1
local expires = ttl == '' and '9007199254740991' or string.format('%.0f', now + ttl)
if isLive or refs ~= '' or index ~= '' then
  redis.call('HSET', key, 'value', value, 'version', version, 'expires', expires, 'refs', refs, 'index', index)
else
  redis.call('HSET', key, 'value', value, 'version', version, 'expires', expires)
end

if ttl ~= '' then redis.call('PEXPIRE', key, ttl) elseif isLive then redis.call('PERSIST', key) end
if index ~= '' then
  local list = ARGV[1] .. index
  -- include: parts/enlist
end
