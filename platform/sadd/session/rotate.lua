-- Gives a session a new id if nobody changed it meanwhile; the old one is a tombstone in the same moment.
-- KEYS and ARGV[1..3] as in record.lua.
--
-- KEYS[3]  the session under its new id
-- ARGV[4]  version that it was made from
-- ARGV[5]  what follows the head, sealed for the new id
-- ARGV[6]  1 = the journal took it
-- returns  {record, now ms}, {"conflict", version that is there}, or nil when there is no such session

of_subject(KEYS[2])
if not generation then return foreign() end
local rotated = redis.call('GET', KEYS[3])
if rotated then
  if is_tomb(rotated) then return nil end
  return {rotated, now} -- a repeated call: the new id is random, so only that call can have made it
end
local record = redis.call('GET', KEYS[1])
if is_tomb(record) then return moved(record) end
local lives, _, absolute, idle, touch = alive(record)
if not lives then return nil end
local version, expected = version_of(record), tonumber(ARGV[4])
if version ~= expected and ARGV[6] ~= '1' then return {'conflict', version} end
local renewed = rewritten(record, expected + 1, ARGV[5])
local digest = string.sub(KEYS[3], #PREFIX + 1)
redis.call('SET', KEYS[3], renewed, 'PX', ttl(now, absolute, idle, touch))
tomb(KEYS[1], struct.unpack('>I2', record, 41), digest)
redis.call('ZREM', SUBJECT, string.sub(KEYS[1], #PREFIX + 1))
redis.call('ZADD', SUBJECT, absolute, digest)
return {renewed, now}
