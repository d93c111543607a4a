-- Counts a session that a network begins.
--
-- KEYS[1]  what the network began
-- ARGV[1]  how many it may begin within    ARGV[2]  ms
-- returns  0, or ms until it may begin the next

local begun = tonumber(redis.call('GET', KEYS[1])) or 0
if begun >= tonumber(ARGV[1]) then return math.max(redis.call('PTTL', KEYS[1]), 1) end
if redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
