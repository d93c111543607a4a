-- Takes from several limits, all or nothing; many such requests in one call, in the order given.
--
-- KEYS       states, in the order of the checks
-- ARGV[1]    now, us since the epoch; "" = this server's TIME
-- then, for each request: the number of its checks, and for each check its policy (see algorithms.lua)
--            and the cost in units; 0 peeks: it answers as for 1 and takes nothing; below 0 gives back,
--            never below nothing used; "<units>@<mark>" gives back of one taking, see undo
-- returns    4 integers for each check: allowed 1|0, remaining units, reset_after us,
--            retry_after us (0 when allowed, -1 when no wait helps)
--
-- One denied: nothing of its request is written, and the others answer as if they had been asked alone.
-- A key that is named twice in a request is charged twice: its second check sees the first one's taking.

local answers = {}

local function answer(i, allowed, p, st, retry_us)
  local at = 4 * (i - 1)
  answers[at + 1], answers[at + 2] = allowed, p.left(p, st)
  answers[at + 3], answers[at + 4] = p.reset(p, st), retry_us
end

-- Units of one check go in or out of its state. Returns us to wait, 0 when done.
local function charge(p, st, word)
  local cost = tonumber(word)
  if not cost then
    local units, mark = string.match(word, '^(%d+)@(%d+)$')
    p.undo(p, st, tonumber(mark), tonumber(units))
    return 0
  end
  if cost < 0 then
    p.back(p, st, -cost)
    return 0
  end
  local retry_us = p.wait(p, st, cost == 0 and 1 or cost)
  if retry_us == 0 and cost > 0 then p.add(p, st, cost) end
  return retry_us
end

-- What nearly all of Envoy's limits are: a fixed window, whose state is of this window or not there. Without
-- a table and a function for each step that takes half of the time. False: it is unusual, nothing was done.
local function fixed(i, p, cost)
  if not p.opening then
    local finish = (floor(now / p[2]) + 1) * p[2] / 1000000
    p.opening = string.format('f%.0f:', finish)
    p.ends_us = max(finish * 1000000 - now, 1)
    p.keep_ms = ceil((p.ends_us + 1) / 1000) + linger_ms
  end
  local limit, opening, held, n = p[1], p.opening, call('GET', KEYS[i]), 0
  if held then
    if string.sub(held, 1, #opening) ~= opening then return false end
    n = tonumber(string.sub(held, #opening + 1))
  end
  local wanted, retry_us = cost == 0 and 1 or cost, 0
  if wanted > limit then
    retry_us = -1
  elseif n + wanted > limit then
    retry_us = p.ends_us
  elseif cost > 0 then
    n = n + cost
    call('SET', KEYS[i], opening .. (n < 1e14 and n or string.format('%.0f', n)), 'PX', p.keep_ms)
  end
  local at = 4 * (i - 1)
  answers[at + 1], answers[at + 2] = retry_us == 0 and 1 or 0, max(limit - n, 0)
  answers[at + 3], answers[at + 4] = n > 0 and p.ends_us or 0, retry_us
  return true
end

-- The usual request: one check.
local function single(i, at)
  local p, cost = policy_of(ARGV[at]), ARGV[at + 1]
  local units = p.kind == 'f' and tonumber(cost)
  if units and units >= 0 and fixed(i, p, units) then return end
  local st = p.open(p, call('GET', KEYS[i]))
  local retry_us = charge(p, st, cost)
  if retry_us == 0 and cost ~= '0' then keep(KEYS[i], p, st) end
  answer(i, retry_us == 0 and 1 or 0, p, st, retry_us)
end

local function several(first, count, at)
  local states, held, retries, denied = {}, {}, {}, false
  for i = first, first + count - 1 do
    local p = policy_of(ARGV[at])
    local key = p.kind .. KEYS[i] -- one policy before and after a change of its algorithm: two states
    if not states[key] then
      held[key] = call('GET', KEYS[i])
      states[key] = p.open(p, held[key])
    end
    retries[i] = charge(p, states[key], ARGV[at + 1])
    denied = denied or retries[i] ~= 0
    at = at + 2
  end
  at = at - 2 * count
  for i = first, first + count - 1 do
    local p = policy_of(ARGV[at])
    local key = p.kind .. KEYS[i]
    if denied then
      states[key] = p.open(p, held[key])
    elseif ARGV[at + 1] ~= '0' then
      keep(KEYS[i], p, states[key])
    end
    answer(i, retries[i] == 0 and 1 or 0, p, states[key], retries[i])
    at = at + 2
  end
end

local at, first = 2, 1
while first <= #KEYS do
  local count = tonumber(ARGV[at])
  if count == 1 then single(first, at + 1) else several(first, count, at + 1) end
  first, at = first + count, at + 1 + 2 * count
end
return answers
