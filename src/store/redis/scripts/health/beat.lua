#!lua flags=allow-oom
--[[
  beat: a small write to a log of one entry, to see whether writes are taken

  KEYS[1] the log of the node that asks
  Reply   nil
]]
local id = redis.call('XADD', KEYS[1], 'MAXLEN', 1, '*', 'value', '')
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('XDEL', KEYS[1], id)
