-- Takes from several rates, all or nothing; many such requests in one call, in the order given (GCRA).
--
-- This is take_all.lua for the usual request: every rate is a whole number of us a unit, and no key is named
-- twice in a request. It is told apart where it is asked, since take_all.lua costs 16 us a call before it
-- looks at the first key, and this 5.
--
-- KEYS       states, in the order of the checks: theoretical arrival times, "<us>"
-- ARGV[1]    now, us since the epoch; "" = this server's TIME
-- then, for each request: the number of its checks, and for each check the time of one unit (us), the burst
--            (units) and the cost (units; 0 peeks: it answers as for 1 and takes nothing)
-- returns    4 integers for each check: allowed 1|0, remaining units, reset_after us,
--            retry_after us (0 when allowed, -1 when no wait helps)
--
-- One denied: nothing of its request is written, and the others answer as if they had been asked alone. A
-- product that counts is below 2^53 (ratelimit/policy.py), and whole numbers below that divide exactly
-- enough for floor.

local call, ceil, floor = redis.call, math.ceil, math.floor
local now = tonumber(ARGV[1])
local linger_ms = 60000 -- with a passed time the server's own clock must not end the key early
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
  linger_ms = 1
end

local answers, before, after, retries = {}, {}, {}, {}

-- Sets before, after and retries of check i. True when it denies.
local function decide(i, step_us, burst, cost)
  local full_us, us = now + burst * step_us, now
  local held = call('GET', KEYS[i])
  if held then
    -- A fraction was written under another rate and is rounded up; another algorithm's state is none.
    us = tonumber(held) or (tonumber(string.match(held, '^(%d+):') or now - 1) + 1)
    if us < now then us = now elseif us > full_us then us = full_us end
  end
  local wanted = cost == 0 and 1 or cost
  before[i], after[i], retries[i] = us, us, 0
  if wanted > burst then
    retries[i] = -1
  elseif us + wanted * step_us > full_us then
    retries[i] = us + wanted * step_us - full_us
  else
    after[i] = us + cost * step_us
  end
  return retries[i] ~= 0
end

local at, i = 2, 1
while i <= #KEYS do
  local first, last, denied = i, i + tonumber(ARGV[at]) - 1, false
  for n = first, last do
    local word = at + 1 + 3 * (n - first)
    local denies = decide(n, tonumber(ARGV[word]), tonumber(ARGV[word + 1]), tonumber(ARGV[word + 2]))
    denied = denied or denies
  end
  for n = first, last do
    local word, us, place = at + 1 + 3 * (n - first), before[n], 4 * (n - 1)
    local step_us = tonumber(ARGV[word])
    if not denied and after[n] > us then
      us = after[n]
      call('SET', KEYS[n], us, 'PX', ceil((us - now + 1) / 1000) + linger_ms)
    end
    answers[place + 1] = retries[n] == 0 and 1 or 0
    answers[place + 2] = floor((now + ARGV[word + 1] * step_us - us) / step_us)
    answers[place + 3], answers[place + 4] = us - now, retries[n]
  end
  at, i = at + 1 + 3 * (last - first + 1), last + 1
end
return answers
