-- Creates a session of a subject. KEYS and ARGV[1..3] as in record.lua.
--
-- ARGV[4]  idle time-out, ms      ARGV[5] absolute time-out, ms      ARGV[6] touch interval, ms
-- ARGV[7]  flags                  ARGV[8] grace, ms                  ARGV[9] what follows the head
-- ARGV[10] sessions that the subject may have
-- returns  {record, now ms}, or {"full", ms until one ends if none is used, digests that are too many, oldest first}

of_subject(KEYS[2])
if not generation then return foreign() end
local made = redis.call('GET', KEYS[1])
if made then return {made, now} end -- a repeated call: the id is random, so only that call can have made it

local cap = tonumber(ARGV[10])
if redis.call('ZCARD', SUBJECT) > cap then
  local found = living(HEAD_BYTES - 1)
  local over = #found / 2 - cap + 1
  if over > 0 then
    local soonest = math.huge
    for at = 2, #found, 2 do
      local _, used, absolute, idle, touch = alive(found[at])
      soonest = math.min(soonest, ends(used, absolute, idle, touch))
    end
    local full = {'full', soonest - now}
    for at = 1, over do full[#full + 1] = found[2 * at - 1] end
    return full
  end
end

local idle, touch = tonumber(ARGV[4]), tonumber(ARGV[6])
local absolute = now + ARGV[5]
local record = struct.pack(HEAD, 2, now, absolute, now, idle, touch, generation, 1, ARGV[7], ARGV[8]) .. ARGV[9]
redis.call('SET', KEYS[1], record, 'PX', ttl(now, absolute, idle, touch))
redis.call('ZADD', SUBJECT, absolute, string.sub(KEYS[1], #PREFIX + 1))
subject_lives(absolute)
return {record, now}
