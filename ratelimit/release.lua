-- Gives a slot back and learns from how it went.
--
-- KEYS[1]    sorted set of the slots held
-- KEYS[2]    hash of an adaptive limit: limit, long (usual latency, us), count (windows of it, up to WARM);
--            and of the window under way: ends (us), n, sum (of latencies), fly (most at once), drops
-- ARGV[1]    now, us; "" = this server's TIME
-- ARGV[2]    slot id
-- ARGV[3]    outcome: success, ignored (says nothing about the load), dropped (timed out, refused)
-- ARGV[4]    latency, us
-- ARGV[5]    fixed, aimd or gradient
-- ARGV[6..]  initial, minimum, maximum, timeout us, backoff, tolerance, smoothing, queue, window us
-- returns    1 when the slot was held, else 0 (released twice, or abandoned: then nothing is learnt)
--
-- Netflix concurrency-limits: AIMDLimit and Gradient2Limit, each behind a window, so that a burst of drops
-- backs off once and "usual" does not follow an overload within seconds. A drop backs off in both. All
-- numbers of the arithmetic are doubles and kept with 17 digits, which is all of them.

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local WARM, WINDOWS, SAMPLES, FORGET_MS = 10, 600, 10, 3600000

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local in_flight = redis.call('ZCARD', KEYS[1])
if redis.call('ZREM', KEYS[1], ARGV[2]) == 0 then return 0 end
local outcome, latency, kind = ARGV[3], tonumber(ARGV[4]), ARGV[5]
if kind == 'fixed' or outcome == 'ignored' then return 1 end

local initial, minimum, maximum = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local timeout, backoff, tolerance = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local smoothing, queue, window = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])
local known = redis.call('HMGET', KEYS[2], 'limit', 'long', 'count', 'ends', 'n', 'sum', 'fly', 'drops')
local limit = tonumber(known[1] or initial)
local long, count = tonumber(known[2] or 0), tonumber(known[3] or 0)
local ends = tonumber(known[4] or now + window)
local n, sum = tonumber(known[5] or 0), tonumber(known[6] or 0)
local fly, drops = tonumber(known[7] or 0), tonumber(known[8] or 0)

fly = math.max(fly, in_flight)
if outcome == 'dropped' then drops = drops + 1 else n, sum = n + 1, sum + latency end

local function usual(mean) -- a mean at first, then an average that forgets
  if count < WARM then
    long, count = (long * count + mean) / (count + 1), count + 1
  else
    long = long + (mean - long) * 2 / (WINDOWS + 1)
  end
  if long > 2 * mean then long = long * 0.95 end -- after an overload, back to what is usual sooner
end

local function learn()
  local mean = n > 0 and sum / n or 0
  local busy = fly * 2 >= limit -- else the limit is not what held it back, and says nothing
  if drops > 0 then
    limit = limit * backoff
  elseif kind == 'aimd' then
    if mean > timeout then limit = limit * backoff elseif busy then limit = limit + 1 end
  else
    usual(mean)
    if busy then
      local gradient = math.max(0.5, math.min(1, tolerance * long / math.max(mean, 1)))
      limit = limit * (1 - smoothing) + (limit * gradient + queue) * smoothing
    end
  end
  limit = math.max(minimum, math.min(maximum, limit))
end

if now >= ends and (n >= SAMPLES or drops > 0) then
  learn()
  ends, n, sum, fly, drops = now + window, 0, 0, 0, 0
end

local function exact(number) return string.format('%.17g', number) end
redis.call('HSET', KEYS[2], 'limit', exact(limit), 'long', exact(long), 'count', count, 'ends', exact(ends),
  'n', n, 'sum', exact(sum), 'fly', fly, 'drops', drops)
redis.call('PEXPIRE', KEYS[2], FORGET_MS)
return 1
