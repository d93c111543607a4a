-- What every script of a room begins with (valkey.py puts it in front of each).
--
-- KEYS[1]  room, a hash: issued, serving, expired (numbers), credit (1/60,000,000 of a number),
--          at (us, of the last accrual), full (ms, when the cap was last seen reached while somebody was called)
-- KEYS[2]  marks, a list "<serving>:<ms>": up to which number had been called within a granule of that time
-- KEYS[3]  claimed, a sorted set: numbers above `expired` that claimed or gave up; score = number
-- KEYS[4]  active, a sorted set: numbers whose pass is in force; score = end of the pass, ms
-- ARGV[1]  now, us since the epoch; "" = this server's TIME
-- ARGV[2]  outflow, numbers a minute
-- ARGV[3]  cap of active users
-- ARGV[4]  claim window, ms
-- ARGV[5]  length of a pass, ms
-- ARGV[6]  number of the ticket asked about (stand, claim, leave)
-- returns  {state, number, serving, issued, active, ends (ms; of the window or the pass; 0 = neither), now (ms)}
--
--   1 ............ expired ............ serving ............ issued
--   | window over,  |  called: claimed,  |  waiting: nothing  |
--   | or all claimed |  left, or to claim |  is stored         |
--
-- Nothing is stored for a waiting visitor. Called and not yet claimed plus active is never above the cap,
-- so a claim within its window finds a slot, unless the cap was lowered meanwhile.

local ONE = 60000000 -- credit of one number: outflow a minute accrues this much in 1 / outflow minutes
local CATCH_UP_US = 5000000 -- accrued at most at once; the first in line polls every 3 s
local BURST_US = 1000000 -- credit kept when it cannot be spent: what accrues in a second

local now_us = tonumber(ARGV[1])
if not now_us then
  local time = redis.call('TIME')
  now_us = time[1] * 1000000 + time[2]
end
local now = math.floor(now_us / 1000)
local outflow, cap = tonumber(ARGV[2]), tonumber(ARGV[3])
local window, pass = tonumber(ARGV[4]), tonumber(ARGV[5])
local granule = math.ceil(window / 256) -- so there are never more than 258 marks

local room = {}

local function load()
  local held = redis.call('HMGET', KEYS[1], 'issued', 'serving', 'expired', 'credit', 'at', 'full')
  room.issued, room.serving = tonumber(held[1]) or 0, tonumber(held[2]) or 0
  room.expired, room.full = tonumber(held[3]) or 0, tonumber(held[6]) or 0
  room.credit, room.at = tonumber(held[4]) or math.max(ONE, BURST_US * outflow), tonumber(held[5]) or now_us
  -- A signed number above the counter: the store lost its memory. Raised, no number goes out twice after it.
  room.issued = math.max(room.issued, tonumber(ARGV[6]) or 0)
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
  room.active = redis.call('ZCARD', KEYS[4])
end

local function save()
  redis.call('HSET', KEYS[1], 'issued', room.issued, 'serving', room.serving, 'expired', room.expired,
    'credit', room.credit, 'at', string.format('%.0f', room.at), 'full', room.full)
end

-- How many were called and may still claim.
local function to_claim()
  return room.serving - room.expired - redis.call('ZCARD', KEYS[3])
end

local function mark_at(index)
  local mark = redis.call('LINDEX', KEYS[2], index)
  if not mark then return nil end
  local colon = string.find(mark, ':', 1, true)
  return tonumber(string.sub(mark, 1, colon - 1)), tonumber(string.sub(mark, colon + 1))
end

-- The time of a mark is that of its first call, so a window is never shorter than set, at most 1/256 longer.
local function window_ends(marked) return marked + granule + window end

-- Ends the windows that are over. While the cap is reached nobody called loses the window: it is held until
-- a whole window after a slot was free again.
local function expire()
  if to_claim() > 0 then
    if room.active >= cap then room.full = now end
    local before = room.expired
    local upto, marked = mark_at(0)
    while upto and now >= window_ends(math.max(marked, room.full)) do
      room.expired = upto
      redis.call('LPOP', KEYS[2])
      upto, marked = mark_at(0)
    end
    if room.expired > before then redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', room.expired) end
  end
  if to_claim() == 0 and room.expired < room.serving then
    room.expired = room.serving
    redis.call('DEL', KEYS[2], KEYS[3])
  end
end

local function mark()
  local upto, marked = mark_at(-1)
  if upto and now < marked + granule then
    redis.call('LSET', KEYS[2], -1, room.serving .. ':' .. marked)
  else
    redis.call('RPUSH', KEYS[2], room.serving .. ':' .. now)
  end
end

-- Calls as many as the credit, the crowd and the free slots allow.
local function call()
  local free = cap - room.active - to_claim()
  local step = math.min(math.floor(room.credit / ONE), room.issued - room.serving, free)
  if step <= 0 then return end
  room.serving = room.serving + step
  room.credit = room.credit - step * ONE
  mark()
end

-- Brings the room to now. Whoever does it, and however often: the credit comes from the time that passed.
local function settle()
  load()
  expire()
  local elapsed = math.min(math.max(now_us - room.at, 0), CATCH_UP_US)
  room.at = now_us -- also when the clock went back: better a few seconds' outflow twice than a stopped room
  room.credit = room.credit + elapsed * outflow
  call()
  room.credit = math.min(room.credit, math.max(ONE, BURST_US * outflow))
end

-- Gives a called number its pass; returns when that ends.
local function admit(number)
  local ends = now + pass
  redis.call('ZADD', KEYS[3], number, number)
  redis.call('ZADD', KEYS[4], ends, number)
  room.active = room.active + 1
  return ends
end

-- State of a number, and when its window or its pass ends.
local function standing(number)
  if number > room.serving then return 'waiting', 0 end
  local ends = redis.call('ZSCORE', KEYS[4], number)
  if ends then return 'admitted', tonumber(ends) end
  if number <= room.expired or redis.call('ZSCORE', KEYS[3], number) then return 'expired', 0 end
  for index = 0, redis.call('LLEN', KEYS[2]) - 1 do
    local upto, marked = mark_at(index)
    if number <= upto then return 'called', window_ends(math.max(marked, room.full)) end
  end
  return 'called', now + window
end

local function answer(state, number, ends)
  save()
  return {state, number, room.serving, room.issued, room.active, ends, now}
end
