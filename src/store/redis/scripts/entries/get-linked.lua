--[[
  getLinked: an entry together with the entries it refers to

  KEYS[1] the entry
  ARGV[1] the prefix of every key     ARGV[2] now, in ms
  Reply   nil when it is not alive; else value and state, then for each live ref its key, value and state. A state is the
          version and, where it was consumed, consumed_at and the note that is still live, a line each: a reply of few
          parts, since the client decodes one by one.

  The refs are not among KEYS, but share their hash tag and so their node.
]]
local now = tonumber(ARGV[2])
local function look(key)
  local held = redis.call('HMGET', key, 'value', 'version', 'expires', 'consumed_at', 'note', 'note_expires', 'refs')
  if not held[3] or tonumber(held[3]) <= now then return nil end
  local state = held[2]
  if held[4] then state = state .. '\n' .. held[4] end
  if held[4] and held[5] and tonumber(held[6]) > now then state = state .. '\n' .. held[5] end
  return held[1], state, held[7]
end

local value, state, refs = look(KEYS[1])
if not value then return false end

local reply = { value, state }
for name in string.gmatch(refs or '', '[^\n]+') do
  local refValue, refState = look(ARGV[1] .. name)
  if refValue then
    local last = #reply
    reply[last + 1], reply[last + 2], reply[last + 3] = name, refValue, refState
  end
end
return reply
