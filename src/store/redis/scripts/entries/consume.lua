#!lua flags=allow-oom
--[[
  consume: mark an entry as used, once, and store its successor in the same step

  KEYS[1] the entry     KEYS[2] its successor, if there is one     KEYS[3..] entries that must be alive
  ARGV[1] the prefix of every key     ARGV[2] now, in ms
  ARGV[3] who consumes: the same again wins again
  ARGV[4] a note for callers that lose, '' for none     ARGV[5] how long they get it, in ms
  ARGV[6] the record of spent keys that remembers it, '' for none     ARGV[7] its tag there
  ARGV[8] how long the entry itself is kept, in ms
  ARGV[9..12] value, time to live in ms, refs and index of the successor, as in put
  Reply   { won }, { gone }, or { lost, when in ms, the note or nil }

  A call that repeats the first one writes too, so that a WAIT after it covers what the first one wrote.
]]
local now = tonumber(ARGV[2])
for i = 3, #KEYS do
  local needed = redis.call('HGET', KEYS[i], 'expires')
  if not needed or tonumber(needed) <= now then return { 'gone' } end
end

local used = redis.call('HMGET', KEYS[1], 'expires', 'consumed_by', 'consumed_at', 'note', 'note_expires')
if not used[1] or tonumber(used[1]) <= now then return { 'gone' } end
if used[2] then redis.call('HSET', KEYS[1], 'consumed_by', used[2]) end
if used[2] == ARGV[3] then return { 'won' } end
if used[2] then return { 'lost', used[3], used[5] and tonumber(used[5]) > now and used[4] } end

if ARGV[4] == '' then
  redis.call('HSET', KEYS[1], 'consumed_by', ARGV[3], 'consumed_at', ARGV[2])
else
  local noteExpires = string.format('%.0f', now + ARGV[5])
  redis.call('HSET', KEYS[1], 'consumed_by', ARGV[3], 'consumed_at', ARGV[2], 'note', ARGV[4], 'note_expires', noteExpires)
end

-- A used entry needs no longer life than its own (see put).
if ARGV[6] == '' and tonumber(used[1]) - now < redis.call('PTTL', KEYS[1]) then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', used[1] - now))
end
if ARGV[6] ~= '' then
  local key, spentUntil, record, tag, keep = KEYS[1], tonumber(used[1]), ARGV[1] .. ARGV[6], ARGV[7], tonumber(ARGV[8])
  -- include: parts/spend
end

if KEYS[2] then
  local key, value, ttl, refs, index = KEYS[2], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
  -- include: parts/store-entry
end
return { 'won' }
