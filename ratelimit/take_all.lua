-- Takes from several limits, all or nothing; many such requests in one call, in the order given.
--
-- KEYS       states, in the order of the checks
-- ARGV[1]    now, us since the epoch; "" = this server's TIME
-- then, for each request: the number of its checks, and for each check six words:
--            its policy (five words, see algorithms.lua) and the cost in units;
--            0 peeks: it answers as for 1 and takes nothing; below 0 gives back, never below nothing used
-- returns    4 integers for each check: allowed 1|0, remaining units, reset_after us,
--            retry_after us (0 when allowed, -1 when no wait helps)
--
-- One denied: nothing of its request is written, and the others answer as if they had been asked alone.
-- A key that is named twice in a request is charged twice: its second check sees the first one's taking.

local function answer(answers, at, allowed, kind, p, st, retry_us)
  answers[at + 1], answers[at + 2] = allowed, left[kind](p, st)
  answers[at + 3], answers[at + 4] = reset[kind](p, st), retry_us
end

local function request(first, count, at, answers)
  local checks, states, held, denied = {}, {}, {}, false
  for i = 1, count do
    local key, kind, p = KEYS[first + i - 1], policy_at(at)
    local cost = tonumber(ARGV[at + 5])
    at = at + WIDTH
    if not states[key] then
      held[key] = redis.call('GET', key)
      states[key] = open[kind](p, held[key])
    end
    local st = states[key]
    local retry_us = 0
    if cost < 0 then
      back[kind](p, st, -cost)
    else
      retry_us = wait[kind](p, st, math.max(cost, 1))
      if retry_us ~= 0 then denied = true elseif cost > 0 then add[kind](p, st, cost) end
    end
    checks[i] = { key, kind, p, cost, retry_us }
  end
  for i, check in ipairs(checks) do
    local key, kind, p, cost, retry_us = unpack(check)
    if denied then states[key] = open[kind](p, held[key]) end
    if not denied and cost ~= 0 then keep(key, kind, p, states[key]) end
    answer(answers, 4 * (first + i - 2), retry_us == 0 and 1 or 0, kind, p, states[key], retry_us)
  end
  return at
end

local answers, at, first = {}, 2, 1
while first <= #KEYS do
  local count = tonumber(ARGV[at])
  at = request(first, count, at + 1, answers)
  first = first + count
end
return answers
