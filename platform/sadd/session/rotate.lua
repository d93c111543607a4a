-- Gives a session a new id; the old one is gone in the same moment. KEYS and ARGV[1] as in record.lua.
--
-- KEYS[3]  the session under its new id
-- returns  {record, now ms}, or nil when there is no such session

local record, used, absolute, idle, touch = alive()
if not record then
  -- A repeated call: the first one did it. The new id is random, so only that call can have made it.
  local rotated = redis.call('GET', KEYS[3])
  if rotated then return {rotated, now} end
  return nil
end
redis.call('SET', KEYS[3], record, 'PX', ttl(used, absolute, idle, touch))
redis.call('UNLINK', KEYS[1])
return {record, now}
