-- Adds how the origin did since the last time. Keys and arguments as in room.lua, then
-- ARGV[11] requests that went well   ARGV[12] that failed   ARGV[13] their latencies in sum, ms
-- returns {"noted"}

if not known() then return {'foreign'} end
add('ok', tonumber(ARGV[11]))
add('failed', tonumber(ARGV[12]))
add('latency', tonumber(ARGV[13]))
return {'noted'}
