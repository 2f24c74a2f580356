--[[
  A part of consume.lua: remembers a consumed entry in a record, and ends the entry itself soon

  Reads    now, key, spentUntil (in ms, when the entry would have ended), record, tag, keep (in ms); ARGV[1], the prefix

  A record is a string of 23 characters an entry: its tag (12) and its end in ms, in hexadecimal (11). One key with an
  expiry of its own would take ten times as much. Every 64 entries those that have ended are cut out.
]]
if spentUntil > now + keep then
  local ends = string.format('%.0f', now + keep)
  redis.call('HSET', key, 'expires', ends)
  redis.call('PEXPIRE', key, keep)
  local listed = redis.call('HGET', key, 'index')
  if listed and listed ~= '' then
    redis.call('ZADD', ARGV[1] .. listed, 'XX', ends, string.sub(key, #ARGV[1] + 1))
  end
end

local oldest = redis.call('GETRANGE', record, 0, 1471)
if #oldest == 1472 and tonumber(string.sub(oldest, 1462), 16) <= now then
  local living = ''
  for at = 1, 1472, 23 do
    if tonumber(string.sub(oldest, at + 12, at + 22), 16) > now then
      living = living .. string.sub(oldest, at, at + 22)
    end
  end
  redis.call('SET', record, living .. redis.call('GETRANGE', record, 1472, -1), 'KEEPTTL')
end
redis.call('APPEND', record, tag .. string.format('%011x', math.min(spentUntil, 17592186044415)))
if redis.call('PTTL', record) < spentUntil - now then
  redis.call('PEXPIRE', record, string.format('%.0f', spentUntil - now))
end
