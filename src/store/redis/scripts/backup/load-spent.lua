--[[
  Adds to a record of spent keys one that a backup remembers (see spend.lua)

  KEYS[1] the record
  ARGV[1] now, in ms     ARGV[2] the tag of the key     ARGV[3] until when it is remembered, in ms
  Reply   nil
]]
redis.call('APPEND', KEYS[1], ARGV[2] .. string.format('%011x', ARGV[3]))
local left = ARGV[3] - ARGV[1]
if redis.call('PTTL', KEYS[1]) < left then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left)) end
