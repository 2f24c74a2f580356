#!lua flags=allow-oom
--[[
  readLog: the entries of a log after a cursor, all of them if the cursor is of another lineage

  KEYS[1] the log     KEYS[2] the lineage of all logs: the run id of the primary that it belongs to, and its name
  ARGV[1] the lineage of the cursor     ARGV[2] the id in the cursor     ARGV[3] the most entries wanted
  ARGV[4] the name of a new lineage, should one begin
  Reply   the lineage, and the entries

  A lineage is the time for which one run of one Redis is the primary. Ids of one lineage only grow. Another primary, or
  the same after a restart, may have lost entries that were read, and may have a slower clock, by which it gives ids.
]]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local holder, lineage = string.match(redis.call('GET', KEYS[2]) or '', '(%x+) (.*)')
if holder ~= run then
  lineage = ARGV[4]
  redis.call('SET', KEYS[2], run .. ' ' .. lineage)
end
local from = lineage == ARGV[1] and '(' .. ARGV[2] or '-'
return { lineage, redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[3]) }
