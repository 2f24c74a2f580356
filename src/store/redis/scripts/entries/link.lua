--[[
  link: add a member to an index

  KEYS[1] the index
  ARGV[1] now, in ms     ARGV[2] the member     ARGV[3] time to live in ms
  Reply   nil
]]
local now, list, member, ttl = tonumber(ARGV[1]), KEYS[1], ARGV[2], ARGV[3]
local expires = string.format('%.0f', now + ttl)
-- include: parts/enlist
