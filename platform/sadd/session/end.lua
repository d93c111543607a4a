-- Puts a tombstone where a session is or was. KEYS and ARGV[1..3] as in record.lua.
--
-- returns  the digest that it was rotated to before, to be ended as well; or ""

of_subject(KEYS[2])
local record = redis.call('GET', KEYS[1])
local digest = is_tomb(record) and string.sub(record, 11) or ''
tomb(KEYS[1], 0, '')
redis.call('ZREM', SUBJECT, string.sub(KEYS[1], #PREFIX + 1))
return digest
