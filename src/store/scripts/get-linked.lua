--[[
  getLinked: an entry together with the entries it refers to

  KEYS[1] the entry
  Reply   nil when it is not alive; else its fields (value, version, expires, consumed_at, note, note_expires),
          then for each live ref its key and its fields
]]
local function fields(key)
  return redis.call('HMGET', key, 'value', 'version', 'expires', 'consumed_at', 'note', 'note_expires')
end

if not isLive(KEYS[1]) then return false end

local reply = { fields(KEYS[1]) }
local refs = redis.call('HGET', KEYS[1], 'refs')
for ref in string.gmatch(refs or '', '[^\n]+') do
  if isLive(PREFIX .. ref) then
    reply[#reply + 1] = ref
    reply[#reply + 1] = fields(PREFIX .. ref)
  end
end
return reply
