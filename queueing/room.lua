-- What every script of a room begins with (valkey.py puts it in front of each).
--
-- KEYS[1]  queue:{<room>}:room, a hash. The other keys lie under the same tag and are made from it here.
--   server   incarnation of the server that this state was restored for     life     which restoration it is
--   waiting  numbers handed out and not called, in all lanes                 due      called, neither claimed nor missed
--   claimed, missed, left (gave up a turn)    totals                     epoch    of the leader that last moved it
--   at_once  how many joins may be admitted until the leader's next step     full     ms, windows are held until then
--   at       ms, when the leader last moved it                               ok, failed, latency    feedback, totals
--   asks     claims that found the cap reached
--   pace     as queueing.pace packs it          recalled  missed the window, came back and were called
--   d:<lane> doubts, "first last first last": a lost store may have handed them out or not
--   i:<lane> issued   t:<lane> last number of the block   s:<lane> serving   x:<lane> expired   w:<lane> swept
--   r:<lane> expired when this life began: who was served is known of these, not whose turn was still held
-- queue:{<room>}:<life>:...
--   active   sorted set: numbers whose pass is in force; score = its end, ms        stays    hash: its start, ms;
--            0 = he was inside before and has a turn to come back
--   turns    sorted set: called for themselves (second chance, extended, come back, found the cap reached);
--            score = until when, ms; 0 = to be called in the next step              more     hash: extensions
--   asking   sorted set: found the cap reached; score = the order                asked    the same; last time, ms
--   lately   sorted set: may come back without waiting; score = until when, ms
--   marks:<lane>         list "<serving>:<ms>": up to which number had been called within a granule of that time
--   turned:<lane>:<page> a bit for each number: its turn is used (claimed, given up, or a turn for itself)
-- ARGV[1]  incarnation of this server, put there by the client     ARGV[2]  now, us; "" = this server's TIME
-- ARGV[3]  claim window, ms   ARGV[4] pass, ms   ARGV[5] cap   ARGV[6] outflow, numbers a minute
-- ARGV[7]  pass cap, ms       ARGV[8] grace to come back, ms   ARGV[9] stock, -1 = none
-- ARGV[10] "c" second chance, "s" suspended, "p" passthrough   ARGV[11..] the operation's own
-- returns  {"foreign"} when the state is another server's or missing; else as each operation says
--
--   1 ............ expired ............ serving ............ issued ............ top
--   | window over   |  called           |  waiting: nothing   |  the block: not   |
--   |               |                   |  is stored          |  handed out yet   |

local PAGE = 32768 -- numbers of a page of bits: 4 KiB
local PAGE_MS = 7200000 -- a page is forgotten so long after its last claim and the last window in it; the journal
-- keeps claims half as long
local ENDED_MAX = 1000 -- passes that one call forgets: 5 ms of everybody's time at most
local ASKED_MS = 10000 -- who found the cap reached and did not ask again for so long keeps no slot free
local EXTENSIONS_MAX = 10

local now_us = tonumber(ARGV[2])
if not now_us then
  local time = redis.call('TIME')
  now_us = time[1] * 1000000 + time[2]
end
local now = math.floor(now_us / 1000)
local window, pass, cap, outflow = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local pass_cap, grace, stock = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local granule = math.ceil(window / 256) -- so there are never more than 258 marks of a lane
local ROOM = KEYS[1]
local life -- set by known()

local function says(flag) return string.find(ARGV[10], flag, 1, true) ~= nil end

local function key(name) return string.sub(ROOM, 1, -5) .. life .. ':' .. name end

local function get(field) return tonumber(redis.call('HGET', ROOM, field)) or 0 end

local function add(field, by)
  if by ~= 0 then redis.call('HINCRBY', ROOM, field, by) end
end

-- Whether what is here was restored for this very run of the server.
local function known()
  local held = redis.call('HMGET', ROOM, 'server', 'life')
  life = held[2]
  return held[1] == ARGV[1] and life
end

local function page_of(lane, number) return key('turned:' .. lane .. ':' .. math.floor(number / PAGE)) end

-- Whether nobody knows any more what became of a number.
local function forgotten(lane, number)
  return redis.call('EXISTS', page_of(lane, number)) == 0 or number <= get('w:' .. lane)
end

local function member(lane, number)
  return lane == '' and string.format('%.0f', number) or string.format('%.0f:%s', number, lane)
end

local function turned(lane, number)
  return redis.call('GETBIT', page_of(lane, number), number % PAGE) == 1
end

-- Notes that a number's turn is used; 0 makes the page be there without noting anything.
local function turn(lane, number, bit)
  local page = page_of(lane, number)
  if bit == 1 then
    -- A page that was forgotten stays so: in a new one all others of it would seem not to have had their turn.
    if number <= get('x:' .. lane) and redis.call('EXISTS', page) == 0 then return end
    redis.call('SETBIT', page, number % PAGE, 1)
  elseif redis.call('EXISTS', page) == 0 then
    redis.call('SETBIT', page, PAGE - 1, 0)
  end
  redis.call('PEXPIRE', page, PAGE_MS)
end

-- How many bits are set for numbers from first to last.
local function bits(lane, first, last)
  local count = 0
  while first <= last do
    local to = math.min(last, math.floor(first / PAGE) * PAGE + PAGE - 1)
    count = count + redis.call('BITCOUNT', page_of(lane, first), first % PAGE, to % PAGE, 'BIT')
    first = to + 1
  end
  return count
end

-- Calls what with the part of each doubt of a lane that lies from first to last.
local function each_doubt(lane, first, last, what)
  for from, to in string.gmatch(redis.call('HGET', ROOM, 'd:' .. lane) or '', '(%d+) (%d+)') do
    from, to = math.max(tonumber(from), first), math.min(tonumber(to), last)
    if from <= to then what(from, to) end
  end
end

-- How many numbers from first to last have a turn that nobody used yet; doubts do not count.
local function unturned(lane, first, last)
  local count = last - first + 1 - bits(lane, first, last)
  each_doubt(lane, first, last, function(from, to) count = count - (to - from + 1 - bits(lane, from, to)) end)
  return count
end

local function doubted(lane, number)
  local found = false
  each_doubt(lane, number, number, function() found = true end)
  return found
end

local function pass_ended(name, ends)
  redis.call('ZREM', key('active'), name)
  redis.call('HDEL', key('stays'), name)
  if grace > 0 then redis.call('ZADD', key('lately'), ends + grace, name) end
end

-- Forgets passes that ended, some at a time; returns how many are in force.
local function active()
  local set = key('active')
  local over = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'WITHSCORES', 'LIMIT', 0, ENDED_MAX)
  for at = 1, #over, 2 do pass_ended(over[at], over[at + 1]) end
  return redis.call('ZCOUNT', set, string.format('(%.0f', now), '+inf')
end

local function admit(lane, number)
  local name = member(lane, number)
  redis.call('ZADD', key('active'), now + pass, name)
  redis.call('HSET', key('stays'), name, now)
  turn(lane, number, 1)
end

-- Ends a turn of its own; returns whether it was one that counted as due.
local function end_turn(name)
  local due = redis.call('ZSCORE', key('turns'), name)
  redis.call('ZREM', key('turns'), name)
  redis.call('HDEL', key('more'), name)
  redis.call('HDEL', key('stays'), name)
  redis.call('ZREM', key('asking'), name)
  redis.call('ZREM', key('asked'), name)
  return due and tonumber(due) > 0
end

-- Gives a called number time of its own, until now + window at least.
local function own_turn(lane, number)
  turn(lane, number, 1)
  redis.call('ZADD', key('turns'), 'GT', now + window, member(lane, number))
end

local function read_mark(mark)
  local colon = string.find(mark, ':', 1, true)
  return tonumber(string.sub(mark, 1, colon - 1)), tonumber(string.sub(mark, colon + 1))
end

local function mark_at(lane, index)
  local mark = redis.call('LINDEX', key('marks:' .. lane), index)
  if mark then return read_mark(mark) end
end

-- The time of a mark is that of its first call, so a window is never shorter than set, at most 1/256 longer.
local function window_ends(marked, full) return math.max(marked, full) + granule + window end

local function called_until(lane, number, full)
  for _, mark in ipairs(redis.call('LRANGE', key('marks:' .. lane), 0, -1)) do
    local upto, marked = read_mark(mark)
    if number <= upto then return window_ends(marked, full) end
  end
  return now + window
end

-- What expired becomes by the windows that are over. When all are, all that were called had theirs: who was admitted
-- at once has none.
local function over_now(lane, full)
  local over, index = get('x:' .. lane), 0
  local upto, marked = mark_at(lane, 0)
  while upto and now >= window_ends(marked, full) do
    over, index = math.max(over, upto), index + 1
    upto, marked = mark_at(lane, index)
  end
  return upto and over or get('s:' .. lane)
end

-- Every number up to there had its window; who neither claimed nor has a turn of his own missed it.
local function expire(lane, upto)
  local expired = get('x:' .. lane)
  if upto <= expired then return end
  local missed = unturned(lane, expired + 1, upto)
  redis.call('HSET', ROOM, 'x:' .. lane, upto)
  add('due', -missed)
  add('missed', missed)
  local marked = mark_at(lane, 0)
  while marked and marked <= upto do
    redis.call('LPOP', key('marks:' .. lane))
    marked = mark_at(lane, 0)
  end
end

-- Where a number stands, and when its window or its pass ends (0: neither).
local function standing(lane, number)
  local name = member(lane, number)
  local held = redis.call('HMGET', ROOM, 's:' .. lane, 'x:' .. lane, 'full')
  local serving, expired, full = tonumber(held[1]) or 0, tonumber(held[2]) or 0, tonumber(held[3]) or 0
  local ends = redis.call('ZSCORE', key('active'), name)
  if ends and tonumber(ends) > now then return 'admitted', tonumber(ends) end
  local own = tonumber(redis.call('ZSCORE', key('turns'), name))
  if own == 0 then return 'again', 0 end
  if own then return 'called', math.max(own, full + window) end
  if number > serving then return 'waiting', 0 end
  if doubted(lane, number) and not forgotten(lane, number) and not turned(lane, number) then
    turn(lane, number, 1) -- passed over, and here is who holds it
    redis.call('ZADD', key('turns'), 0, name)
    return 'again', 0
  end
  if number <= expired or turned(lane, number) then return 'expired', 0 end
  return 'called', called_until(lane, number, full)
end

-- {state, life, number, serving, issued, active, ends (ms), now (ms), start (ms) of a pass}
local function answer(state, lane, number, ends)
  local held = redis.call('HMGET', ROOM, 's:' .. lane, 'i:' .. lane)
  local start = redis.call('HGET', key('stays'), member(lane, number))
  return {state, tonumber(life), number, tonumber(held[1]) or 0, tonumber(held[2]) or 0, active(), ends, now,
    state == 'admitted' and tonumber(start) or 0}
end
