-- Looks one entry up, with the time at which that was.
--
-- KEYS[1]  the entry
-- ARGV[1]  now, ms since the epoch; "" = this server's TIME
-- returns  {entry as stored (see fill.lua), now ms}, or nil when there is none or its hard expiry has come

local entry = redis.call('GET', KEYS[1])
if not entry then return nil end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if now >= struct.unpack('>I6', entry, 14) then return nil end
return {entry, now}
