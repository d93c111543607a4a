-- Reads a session and notes its use, unless a use was noted within the touch interval.
-- KEYS and ARGV[1] as in record.lua.
--
-- returns  {record, now ms, written 1|0}, or nil when there is no such session, or no longer

local record, used, absolute, idle, touch = alive()
if not record then return nil end
if now - used < touch then return {record, now, 0} end
redis.call('SETRANGE', KEYS[1], 1, struct.pack('>I6', now))
redis.call('PEXPIRE', KEYS[1], ttl(now, absolute, idle, touch))
return {string.sub(record, 1, 1) .. struct.pack('>I6', now) .. string.sub(record, 8), now, 1}
