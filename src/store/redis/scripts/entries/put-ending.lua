#!lua flags=allow-oom
--[[
  put-ending: as put, for a write that is part of ending access

  KEYS and ARGV   those of put
  Reply           that of put
]]
-- include: entries/put
