--[[
  link: add a member to an index

  KEYS[1] the index
  ARGV[3] the member     ARGV[4] time to live in ms
  Reply   nil
]]
enlist(KEYS[1], ARGV[3], ARGV[4])
