-- A write that comes back by the subscription: while it does, the way of every notice is open.
--
-- KEYS[1]  a key on the primary that is tried
-- ARGV[1]  the channel of the one who tries   ARGV[2]  number of the try   ARGV[3]  ms that the key lives
-- returns  this server's TIME, ms since the epoch

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- A write, and not the PUBLISH alone: a demoted or fenced primary publishes gladly what nobody hears elsewhere.
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now))
return now
