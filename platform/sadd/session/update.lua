-- Replaces what follows a session's head if nobody did meanwhile; counts as a use. KEYS, ARGV[1..3] as in record.lua.
--
-- ARGV[4]  version that it was made from
-- ARGV[5]  what follows the head
-- ARGV[6]  1 = the journal took it: it goes over any older one, and gives way to a newer one
-- returns  {record, now ms}, {"conflict", version that is there}, or nil when there is no such session

of_subject(KEYS[2])
if not generation then return foreign() end
local record = redis.call('GET', KEYS[1])
if is_tomb(record) then return moved(record) end
local lives, _, absolute, idle, touch = alive(record)
if not lives then return nil end
local version, expected = version_of(record), tonumber(ARGV[4])
if version > expected and ARGV[6] == '1' then return {record, now} end
if version ~= expected and ARGV[6] ~= '1' then return {'conflict', version} end
local updated = rewritten(record, expected + 1, ARGV[5])
redis.call('SET', KEYS[1], updated, 'PX', ttl(now, absolute, idle, touch))
return {updated, now}
