-- How each algorithm counts. This text stands before take_all.lua, lease.lua and end_lease.lua.
--
-- A policy is one word, its kind and its numbers:
--   g:<whole>:<part>:<parts>:<burst>      GCRA: emission interval us, its fraction, units at once
--   s:<width us>:<limit>                  sliding: ten sub-windows of this width, and the one before
--   f:<limit>:<length us>                 fixed window from 1970 on
--   c:<limit>:<start s>:<end s>:<next s>  calendar window by the asker's zone; this server's clock picks
--   t                                     no limit: it answers the time
-- A state is what GET gave, opened at `now`:
--   g  "<us>" or "<us>:<part>"       theoretical arrival time
--   s  "s<sub-window>:<n>,<n>,..."   units of that sub-window, of the one before it, ...
--   f, c  "f<end s>:<n>"             units of the window that ends then
-- A state of another algorithm counts as never used. Everything is an integer below 2^53.
--
-- For each kind: open(p, held) -> state; wait(p, st, n) -> us until n units fit (0 now, -1 never);
-- add(p, st, n), back(p, st, n) change it; left(p, st) -> units; reset(p, st) -> us; pack(p, st) -> text.
-- undo(p, st, mark, n) gives back up to n units of one taking -> units: those that still count. The mark of
-- a taking is now + reset right after it, us. So it leaves what would be there had they never been taken.

local OLDEST = 10

local call, ceil, floor, max, min = redis.call, math.ceil, math.floor, math.max, math.min
local now = tonumber(ARGV[1])
local linger_ms = 60000 -- with a passed time the server's own clock must not end the key early
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
  linger_ms = 1
end

-- A kind's functions are made by the first policy of it in a call: all of them took 5 us more a call.
local kinds = {}

function kinds.g()
  local verbs = {}

  -- n x T as us and part
  local function intervals(p, n)
    if p[2] == 0 then return n * p[1], 0 end
    local product = n * p[2]
    local rest = product % p[3]
    return n * p[1] + (product - rest) / p[3], rest
  end

  function verbs.open(p, held)
    if not p.depth_us then p.depth_us, p.depth_part = intervals(p, p[4]) end
    local full_us, full_part = now + p.depth_us, p.depth_part
    local us, rest = now, 0
    if held then
      us = tonumber(held)
      if not us then
        local whole, fraction = string.match(held, '^(%d+):(%d+)$')
        us, rest = tonumber(whole) or now, tonumber(fraction) or 0
        if rest >= p[3] then us, rest = us + 1, 0 end -- written under another rate: round up
      end
      if us < now then
        us, rest = now, 0
      elseif us > full_us or (us == full_us and rest > full_part) then
        -- Never beyond full: a stricter policy or a clock that is behind must not shut a key for longer.
        us, rest = full_us, full_part
      end
    end
    return { us = us, part = rest, full_us = full_us, full_part = full_part }
  end

  local function moved(p, st, n)
    local step_us, step_part = intervals(p, n)
    local us, part = st.us + step_us, st.part + step_part
    if part >= p[3] then us, part = us + 1, part - p[3] end
    return us, part
  end

  function verbs.wait(p, st, n)
    if n > p[4] then return -1 end
    local us, part = moved(p, st, n)
    if us < st.full_us or (us == st.full_us and part <= st.full_part) then
      st.new_us, st.new_part = us, part -- what add is about to ask for
      return 0
    end
    return us - st.full_us + (part > st.full_part and 1 or 0)
  end

  function verbs.add(p, st, n)
    if st.new_us then
      st.us, st.part, st.new_us = st.new_us, st.new_part, nil
    else
      st.us, st.part = moved(p, st, n)
    end
  end

  function verbs.back(p, st, n)
    local step_us, step_part = intervals(p, min(n, p[4]))
    local us, part = st.us - step_us, st.part - step_part
    if part < 0 then us, part = us - 1, part + p[3] end
    if us < now then us, part = now, 0 end
    st.us, st.part = us, part
  end

  function verbs.undo(p, st, mark, n)
    local still_us = mark - now - (p[2] > 0 and 1 or 0) -- a mark is rounded up
    if still_us <= 0 then return 0 end
    n = min(n, p[4], floor(still_us / (p[1] + p[2] / p[3])))
    local us, part = intervals(p, n)
    if us > still_us or (us == still_us and part > 0) then n = n - 1 end -- the division rounds
    verbs.back(p, st, n)
    return n
  end

  function verbs.left(p, st)
    local free_us, free_part = st.full_us - st.us, st.full_part - st.part
    if p[2] == 0 then return floor(free_us / p[1]) end -- whole numbers below 2^53
    if free_part < 0 then free_us, free_part = free_us - 1, free_part + p[3] end
    local n = floor((free_us + free_part / p[3]) / (p[1] + p[2] / p[3]))
    -- The division rounds, the comparison does not.
    local n_us, n_part = intervals(p, n)
    if n_us > free_us or (n_us == free_us and n_part > free_part) then return n - 1 end
    n_us, n_part = intervals(p, n + 1)
    if n_us < free_us or (n_us == free_us and n_part <= free_part) then return n + 1 end
    return n
  end

  function verbs.reset(_, st)
    return st.us - now + (st.part > 0 and 1 or 0)
  end

  function verbs.pack(_, st)
    if st.part == 0 then return st.us end -- the server writes an integer below 2^53 as it is
    return string.format('%.0f:%.0f', st.us, st.part)
  end
  return verbs
end

function kinds.s()
  local verbs = {}

  function verbs.open(p, held)
    local index = floor(now / p[1])
    local st, sum = { index = index }, 0
    for i = 0, OLDEST do st[i] = 0 end
    local last, counts = string.match(held or '', '^s(%d+):([%d,]+)$')
    if last then
      -- From a clock that is ahead: counted as of now, which admits no more and is over in one window.
      local i = max(index - tonumber(last), 0)
      for count in string.gmatch(counts, '%d+') do
        if i > OLDEST then break end
        st[i], sum, i = tonumber(count), sum + tonumber(count), i + 1
      end
    end
    st.sum = sum
    return st
  end

  local function leaves(p, st, i) -- us until sub-window i counts no more
    return (st.index - i + OLDEST + 1) * p[1] - now
  end

  function verbs.wait(p, st, n)
    if n > p[2] then return -1 end
    local need = st.sum + n - p[2]
    if need <= 0 then return 0 end
    for i = OLDEST, 0, -1 do
      need = need - st[i]
      if need <= 0 then return leaves(p, st, i) end
    end
    return leaves(p, st, 0)
  end

  function verbs.add(_, st, n)
    st[0], st.sum = st[0] + n, st.sum + n
  end

  function verbs.back(_, st, n)
    for i = OLDEST, 0, -1 do -- the oldest first: those end first, so this can only admit less
      local part = min(n, st[i])
      st[i], st.sum, n = st[i] - part, st.sum - part, n - part
    end
  end

  function verbs.undo(p, st, mark, n)
    local i = st.index - (floor(mark / p[1]) - OLDEST - 1)
    if i < 0 or i > OLDEST then return 0 end
    n = min(n, st[i])
    st[i], st.sum = st[i] - n, st.sum - n
    return n
  end

  function verbs.left(p, st)
    return max(p[2] - st.sum, 0)
  end

  function verbs.reset(p, st)
    for i = 0, OLDEST do
      if st[i] > 0 then return leaves(p, st, i) end
    end
    return 0
  end

  function verbs.pack(_, st)
    local counts, last = {}, 0
    for i = 0, OLDEST do
      counts[i + 1] = string.format('%.0f', st[i])
      if st[i] > 0 then last = i + 1 end
    end
    return string.format('s%.0f:', st.index) .. table.concat(counts, ',', 1, max(last, 1))
  end
  return verbs
end

local function window(p, held, finish, after)
  local st = { finish = finish, n = 0 }
  local ends, count = string.match(held or '', '^f(%d+):(%d+)$')
  ends = tonumber(ends)
  -- One window ahead: this clock is behind the one that wrote. What was counted there counts here.
  if ends and (ends == finish or ends == after) then st.n = tonumber(count) end
  return st
end

local function windows() -- what fixed and calendar windows have in common
  local verbs = {}

  function verbs.wait(p, st, n)
    if n > p[1] then return -1 end
    if st.n + n <= p[1] then return 0 end
    return max(st.finish * 1000000 - now, 1)
  end

  function verbs.add(_, st, n)
    st.n = st.n + n
  end

  function verbs.back(_, st, n)
    st.n = max(st.n - n, 0)
  end

  function verbs.undo(_, st, mark, n)
    if st.finish * 1000000 ~= mark then return 0 end
    n = min(n, st.n)
    st.n = st.n - n
    return n
  end

  function verbs.left(p, st)
    return max(p[1] - st.n, 0)
  end

  function verbs.reset(_, st)
    return st.n > 0 and max(st.finish * 1000000 - now, 1) or 0
  end

  function verbs.pack(_, st)
    return string.format('f%.0f:%.0f', st.finish, st.n)
  end

  return verbs
end

function kinds.f()
  local verbs = windows()

  function verbs.open(p, held)
    local length = p[2] / 1000000
    local finish = (floor(now / p[2]) + 1) * length
    return window(p, held, finish, finish + length)
  end

  return verbs
end

function kinds.c()
  local verbs = windows()

  function verbs.open(p, held)
    local start, finish, after = p[2], p[3], p[4]
    if now < start * 1000000 then
      -- The asker's clock is ahead. By more than a window: then windows as long as its own, reckoned back.
      local length = finish - start
      return window(p, held, start - (ceil((start * 1000000 - now) / (length * 1000000)) - 1) * length, finish)
    end
    if now < finish * 1000000 then return window(p, held, finish, after) end
    local length = after - finish
    return window(p, held, finish + (floor((now - finish * 1000000) / (length * 1000000)) + 1) * length, nil)
  end

  return verbs
end

-- t: no limit but a clock: what is left of it is now.
function kinds.t()
  local verbs = {}

  function verbs.open() return {} end
  function verbs.wait() return 0 end
  function verbs.left() return now end
  function verbs.reset() return 0 end

  return verbs
end

local function keep(key, p, st)
  local reset_us = p.reset(p, st)
  if reset_us <= 0 then return call('DEL', key) end
  call('SET', key, p.pack(p, st), 'PX', ceil((reset_us + 1) / 1000) + linger_ms)
end

local made, policies = {}, {} -- most checks of a call are of few policies

local function policy_of(word)
  local p = policies[word]
  if p then return p end
  local kind = string.sub(word, 1, 1)
  local verbs = made[kind] or kinds[kind]()
  made[kind] = verbs
  p = {
    kind = kind, open = verbs.open, wait = verbs.wait, add = verbs.add, back = verbs.back,
    undo = verbs.undo, left = verbs.left, reset = verbs.reset, pack = verbs.pack,
  }
  for number in string.gmatch(word, '%d+') do p[#p + 1] = tonumber(number) end
  policies[word] = p
  return p
end
