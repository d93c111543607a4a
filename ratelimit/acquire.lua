-- Takes a slot of what may be under way at once.
--
-- KEYS[1]    sorted set of the slots held: id -> when it is abandoned, us since the epoch
-- KEYS[2]    hash of the adaptive limit, see release.lua; absent: the initial one
-- ARGV[1]    now, us; "" = this server's TIME
-- ARGV[2]    slot id; "" peeks: it answers as for a new one and takes nothing
-- ARGV[3]    how long a slot is held unless it is released, us
-- ARGV[4,5]  the limit that holds when none is learnt, and the most
-- returns    allowed 1|0, free slots, us until all are free if nobody releases, retry_after us (a hint:
--            a slot may be released at any moment), the limit now
--
-- A slot that is held already is held anew: asking twice takes one.

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local slot, slot_us = ARGV[2], tonumber(ARGV[3])
local learnt = tonumber(redis.call('HGET', KEYS[2], 'limit') or ARGV[4])
local limit = math.max(math.min(math.floor(learnt), tonumber(ARGV[5])), 1)

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local held = redis.call('ZCARD', KEYS[1])
local mine = slot ~= '' and redis.call('ZSCORE', KEYS[1], slot)
local allowed = mine or held < limit
if allowed and slot ~= '' then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + slot_us), slot)
  redis.call('PEXPIRE', KEYS[1], math.ceil(slot_us / 1000) + 60000)
  if not mine then held = held + 1 end
end

local function ends(command) -- us until the first or the last of them is abandoned
  local found = redis.call(command, KEYS[1], 0, 0, 'WITHSCORES')
  return found[2] and tonumber(found[2]) - now or 0
end

local reset_us = ends('ZREVRANGE')
local retry_us = allowed and 0 or math.min(ends('ZRANGE'), 1000000)
return { allowed and 1 or 0, math.max(limit - held, 0), reset_us, retry_us, limit }
