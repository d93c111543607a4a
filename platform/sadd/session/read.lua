-- Reads a session and, if it is a use, notes it, unless one was noted within the touch interval.
-- KEYS and ARGV[1..3] as in record.lua.
--
-- ARGV[4]  1 = this is a use
-- returns  {record, now ms, last use before this one, ms; 0 = nothing written}, or nil when there is no such session

if not generation then return foreign() end
local record = redis.call('GET', KEYS[1])
if is_tomb(record) then return moved(record) end
local lives, used, absolute, idle, touch = alive(record)
if not lives then return nil end
if ARGV[4] ~= '1' or now - used < touch then return {record, now, 0} end
redis.call('SETRANGE', KEYS[1], 1, struct.pack('>I6', now))
redis.call('PEXPIRE', KEYS[1], ttl(now, absolute, idle, touch))
return {string.sub(record, 1, 1) .. struct.pack('>I6', now) .. string.sub(record, 8), now, used}
