-- Takes from one policy, for one key or many, each decided by itself in the order given (GCRA).
--
-- KEYS[i]    state of one key: its theoretical arrival time (TAT), "<us>" or "<us>:<part>"
-- ARGV[1]    now, us since the epoch; "" = this server's TIME
-- ARGV[2..4] emission interval T = whole us + part / parts us
-- ARGV[5]    burst, units: TAT may be ahead of now by burst x T
-- ARGV[5+i]  cost for KEYS[i], units; 0 peeks: it answers as for 1 and takes nothing
-- returns    4 integers for each key: allowed 1|0, remaining units, reset_after us,
--            retry_after us (0 when allowed, -1 when no wait helps)
--
-- All products stay below 2^53 (ratelimit/policy.py refuses a policy where they would not), so a double
-- holds each of them exactly. A refusal writes nothing. GET and SET for each key, not MGET: a key that
-- is named twice in a call must see its own first taking.
--
-- The loop is written for the usual rate, which has no fraction: 3.5 us a key, where calling a function
-- for each step took 4.5. A rate with a fraction takes the functions.

local call, ceil, floor = redis.call, math.ceil, math.floor
local now = tonumber(ARGV[1])
local linger_ms = 60000 -- with a passed time the server's own clock must not end the key early
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
  linger_ms = 1
end
local whole, part, parts = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local burst = tonumber(ARGV[5])

-- n x T as us and part
local function intervals(n)
  local product = n * part
  local rest = product % parts
  return n * whole + (product - rest) / parts, rest
end

local depth_us, full_part = intervals(burst)
local full_us = now + depth_us

-- A state with a fraction, or of another algorithm, which counts as never used.
local function fraction(held)
  local us, rest = string.match(held, '^(%d+):(%d+)$')
  if not us then return now, 0 end
  us, rest = tonumber(us), tonumber(rest)
  if rest >= parts then return us + 1, 0 end -- written under another rate: round up
  return us, rest
end

local function fits(n, free_us, free_part)
  local n_us, n_part = intervals(n)
  return n_us < free_us or (n_us == free_us and n_part <= free_part)
end

local function remaining(us, rest)
  local free_us, free_part = full_us - us, full_part - rest
  if free_part < 0 then free_us, free_part = free_us - 1, free_part + parts end
  local n = floor((free_us + free_part / parts) / (whole + part / parts))
  if not fits(n, free_us, free_part) then return n - 1 end -- the division rounds, the comparison does not
  if fits(n + 1, free_us, free_part) then return n + 1 end
  return n
end

local answers, at = {}, 0
for i = 1, #KEYS do
  local key, cost = KEYS[i], tonumber(ARGV[5 + i])
  local us, rest = now, 0
  local held = call('GET', key)
  if held then
    us = tonumber(held)
    if not us then us, rest = fraction(held) end
    if us < now then
      us, rest = now, 0
    elseif us > full_us or (us == full_us and rest > full_part) then
      -- Never beyond full: a stricter policy, or a fail-over to a clock that is behind, must not shut a key
      -- for longer.
      us, rest = full_us, full_part
    end
  end
  local wanted, allowed, retry_us = cost, 0, -1
  if cost == 0 then wanted = 1 end
  if wanted <= burst then
    local new_us, new_part = us + wanted * whole, rest
    if part > 0 then
      local step_us, step_part = intervals(wanted)
      new_us, new_part = us + step_us, rest + step_part
      if new_part >= parts then new_us, new_part = new_us + 1, new_part - parts end
    end
    if new_us < full_us or (new_us == full_us and new_part <= full_part) then
      allowed, retry_us = 1, 0
      if cost > 0 then
        us, rest = new_us, new_part
        local state = us
        if rest > 0 then state = string.format('%.0f:%.0f', us, rest) end
        call('SET', key, state, 'PX', ceil((us - now + 1) / 1000) + linger_ms)
      end
    else
      retry_us = new_us - full_us + (new_part > full_part and 1 or 0)
    end
  end
  answers[at + 1] = allowed
  -- Whole numbers below 2^53 divide exactly enough for floor.
  answers[at + 2] = part == 0 and rest == 0 and floor((full_us - us) / whole) or remaining(us, rest)
  answers[at + 3] = us - now + (rest > 0 and 1 or 0)
  answers[at + 4] = retry_us
  at = at + 4
end
return answers
