-- Gives a slot back and learns from how it went.
--
-- KEYS[1]    sorted set of the slots held
-- KEYS[2]    hash of an adaptive limit: limit, long (usual latency, us), count (samples of it, up to WARM)
-- ARGV[1]    now, us; "" = this server's TIME
-- ARGV[2]    slot id
-- ARGV[3]    outcome: success, ignored (says nothing about the load), dropped (timed out, refused)
-- ARGV[4]    latency, us
-- ARGV[5]    fixed, aimd or gradient
-- ARGV[6..]  initial, minimum, maximum, timeout us, backoff, tolerance, smoothing, queue
-- returns    1 when the slot was held, else 0 (released twice, or abandoned: then nothing is learnt)
--
-- Netflix concurrency-limits, AIMDLimit and Gradient2Limit; a drop backs off in both. All numbers of the
-- arithmetic are doubles and kept with 17 digits, which is all of them.

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local WARM, WINDOW, FORGET_MS = 10, 600, 3600000

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local in_flight = redis.call('ZCARD', KEYS[1])
if redis.call('ZREM', KEYS[1], ARGV[2]) == 0 then return 0 end
local outcome, latency, kind = ARGV[3], tonumber(ARGV[4]), ARGV[5]
if kind == 'fixed' or outcome == 'ignored' then return 1 end

local initial, minimum, maximum = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local timeout, backoff, tolerance = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local smoothing, queue = tonumber(ARGV[12]), tonumber(ARGV[13])
local known = redis.call('HMGET', KEYS[2], 'limit', 'long', 'count')
local limit = tonumber(known[1] or initial)
local long, count = tonumber(known[2] or 0), tonumber(known[3] or 0)

local function usual() -- a mean at first, then an average that forgets
  if count < WARM then
    long, count = (long * count + latency) / (count + 1), count + 1
  else
    long = long + (latency - long) * 2 / (WINDOW + 1)
  end
end

if outcome == 'dropped' then
  limit = limit * backoff
elseif kind == 'aimd' then
  if latency > timeout then
    limit = limit * backoff
  elseif in_flight * 2 >= limit then
    limit = limit + 1
  end
else
  usual()
  if long > 2 * latency then long = long * 0.95 end -- after an overload, back to what is usual sooner
  if in_flight * 2 >= limit then -- else the limit is not what held it back, and nothing is learnt about it
    local gradient = math.max(0.5, math.min(1, tolerance * long / math.max(latency, 1)))
    limit = limit * (1 - smoothing) + (limit * gradient + queue) * smoothing
  end
end
limit = math.max(minimum, math.min(maximum, limit))

local function exact(number) return string.format('%.17g', number) end
redis.call('HSET', KEYS[2], 'limit', exact(limit), 'long', exact(long), 'count', exact(count))
redis.call('PEXPIRE', KEYS[2], FORGET_MS)
return 1
