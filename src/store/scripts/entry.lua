--[[
  What the scripts share; scripts.ts puts it in front of each of them

  ARGV[1] the prefix of every key     ARGV[2] now, in ms     (in every script)

  An entry is a hash: value, version, expires (ms), refs (a key a line), index (the one that lists it) and, once it was
  consumed, consumed_at (ms), consumed_by, note, note_expires (ms). An index is a sorted set of its members by expiry.
  Both have a physical time to live besides, so that what nobody touches again is deleted too.

  Scripts reach keys that are not in KEYS: refs, indexes and their members. Those share the hash tag of KEYS[1], so they
  are on the same node.
]]
local PREFIX, NOW, FOREVER = ARGV[1], tonumber(ARGV[2]), 9007199254740991

local function isLive(key)
  local expires = redis.call('HGET', key, 'expires')
  return expires and tonumber(expires) > NOW
end

local function areLive(keys, first)
  for i = first, #keys do
    if not isLive(keys[i]) then return false end
  end
  return true
end

-- The end of what lives for `ttl` ms; '' is for ever.
local function expiryOf(ttl)
  return ttl == '' and FOREVER or NOW + tonumber(ttl)
end

local function text(number)
  return string.format('%.0f', number)
end

-- Lets an index or a log live as long as the longest of its members.
local function keepAtLeast(key, remaining, ttl)
  if ttl == '' then
    redis.call('PERSIST', key)
  elseif remaining ~= -1 and remaining < tonumber(ttl) then
    redis.call('PEXPIRE', key, ttl)
  end
end

local function enlist(index, member, ttl)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', NOW)
  local remaining = redis.call('PTTL', index)
  redis.call('ZADD', index, text(expiryOf(ttl)), member)
  keepAtLeast(index, remaining, ttl)
end

local function nameOf(key)
  return string.sub(key, #PREFIX + 1)
end

local function removeEntry(key)
  local index = redis.call('HGET', key, 'index')
  if index then redis.call('ZREM', PREFIX .. index, nameOf(key)) end
  redis.call('DEL', key)
end

-- Over an entry that has expired this stores a new one; over a live one it keeps whether that was consumed.
local function storeEntry(key, value, ttl, refs, index)
  local held = redis.call('HMGET', key, 'expires', 'index')
  if held[2] and held[2] ~= index then redis.call('ZREM', PREFIX .. held[2], nameOf(key)) end
  if held[1] and tonumber(held[1]) <= NOW then
    redis.call('DEL', key)
  elseif held[1] then
    redis.call('HDEL', key, 'refs', 'index')
  end

  redis.call('HINCRBY', key, 'version', 1)
  redis.call('HSET', key, 'value', value, 'expires', text(expiryOf(ttl)))
  if refs ~= '' then redis.call('HSET', key, 'refs', refs) end
  if index ~= '' then
    redis.call('HSET', key, 'index', index)
    enlist(PREFIX .. index, nameOf(key), ttl)
  end
  if ttl == '' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, ttl) end
end
