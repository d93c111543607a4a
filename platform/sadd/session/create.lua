-- Creates a session of a subject. KEYS and ARGV[1] as in record.lua.
--
-- ARGV[2]  idle time-out, ms
-- ARGV[3]  absolute time-out, ms
-- ARGV[4]  touch interval, ms
-- ARGV[5]  service, subject and payload, each as record.py packs it
-- ARGV[6]  ms for which a generation is kept: as long as any session can live
-- returns  {record, now ms}

local idle, touch = tonumber(ARGV[2]), tonumber(ARGV[4])
local absolute = now + ARGV[3]
-- A generation must outlive every session that was made under it.
local made_under = generation()
if made_under > 0 then redis.call('PEXPIRE', KEYS[2], ARGV[6] + linger_ms) end
local record = struct.pack('>I1I6I6I6I5I5I4I4', 1, now, absolute, now, idle, touch, made_under, 1) .. ARGV[5]
redis.call('SET', KEYS[1], record, 'PX', ttl(now, absolute, idle, touch))
return {record, now}
