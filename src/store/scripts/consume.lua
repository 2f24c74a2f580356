--[[
  consume: mark an entry as used, once, and store its successor in the same step

  KEYS[1] the entry     KEYS[2] its successor, if there is one     KEYS[3..] entries that must be alive
  ARGV[3] who consumes: the same again wins again
  ARGV[4] a note for those who lose, '' for none     ARGV[5] how long they get it, in ms
  ARGV[6..9] value, time to live in ms, refs and index of the successor, as in put
  Reply   { won }, { gone }, or { lost, when in ms, the note or nil }
]]
if not areLive(KEYS, 3) or not isLive(KEYS[1]) then return { 'gone' } end

local first = redis.call('HMGET', KEYS[1], 'consumed_by', 'consumed_at', 'note', 'note_expires')
if first[1] == ARGV[3] then return { 'won' } end
if first[1] then return { 'lost', first[2], first[4] and tonumber(first[4]) > NOW and first[3] } end

redis.call('HSET', KEYS[1], 'consumed_by', ARGV[3], 'consumed_at', ARGV[2])
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'note', ARGV[4], 'note_expires', text(expiryOf(ARGV[5])))
end
if KEYS[2] then storeEntry(KEYS[2], ARGV[6], ARGV[7], ARGV[8], ARGV[9]) end
return { 'won' }
