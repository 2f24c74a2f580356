--[[
  getLinked: an entry together with the entries it refers to

  KEYS[1] the entry
  ARGV[1] the prefix of every key     ARGV[2] now, in ms
  Reply   nil when it is not alive; else its fields (value, version, expires, consumed_at, note, note_expires, refs),
          then for each live ref its key and its fields

  The refs are not among KEYS, but share their hash tag and so their node.
]]
local now = tonumber(ARGV[2])
local function fields(key)
  local held = redis.call('HMGET', key, 'value', 'version', 'expires', 'consumed_at', 'note', 'note_expires', 'refs')
  return held[3] and tonumber(held[3]) > now and held
end

local entry = fields(KEYS[1])
if not entry then return false end

local reply = { entry }
for name in string.gmatch(entry[7] or '', '[^\n]+') do
  local ref = fields(ARGV[1] .. name)
  if ref then
    reply[#reply + 1] = name
    reply[#reply + 1] = ref
  end
end
return reply
