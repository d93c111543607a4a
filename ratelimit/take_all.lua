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

-- The usual request: one check.
local function single(i, at)
  local p, cost = policy_of(ARGV[at]), ARGV[at + 1]
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
