-- What the leader looks at before a step; ends the turns of their own that are over. Keys and arguments as in
-- room.lua, then ARGV[11] epoch   ARGV[12..] the lanes
-- returns {"seen", life, now, active, due, claimed, missed, left, ok, failed, latency (ms, summed), to call again,
--          called again, then for each lane: issued, serving, expired, expired after the windows that are over now, doubts}
--         or {"deposed"}

if not known() then return {'foreign'} end
if get('epoch') > tonumber(ARGV[11]) then return {'deposed'} end
redis.call('HSET', ROOM, 'epoch', ARGV[11])
local HELD_MS = 2000 -- nobody moved the room for so long: no leader, or no journal to admit anybody
if says('s') or now - get('at') > HELD_MS then redis.call('HSET', ROOM, 'full', now) end
local full = get('full')
local inside = active()

-- Turns of their own that nobody took.
local function miss()
  if full + window > now then return end
  local over = redis.call('ZRANGEBYSCORE', key('turns'), 1, now, 'LIMIT', 0, 1000)
  for _, name in ipairs(over) do end_turn(name) end
  add('due', -#over)
  add('missed', #over)
end
miss()
redis.call('ZREMRANGEBYSCORE', key('lately'), '-inf', now)

local held = redis.call('HMGET', ROOM, 'due', 'claimed', 'missed', 'left', 'ok', 'failed', 'latency')
local told = {'seen', tonumber(life), now, inside}
for at = 1, 7 do told[#told + 1] = tonumber(held[at]) or 0 end
told[#told + 1] = redis.call('ZCOUNT', key('turns'), 0, 0)
told[#told + 1] = get('recalled')
for at = 12, #ARGV do
  local lane = ARGV[at]
  local over, index = get('x:' .. lane), 0
  local upto, marked = mark_at(lane, 0)
  while upto and now >= window_ends(marked, full) do
    over, index = math.max(over, upto), index + 1
    upto, marked = mark_at(lane, index)
  end
  told[#told + 1] = get('i:' .. lane)
  told[#told + 1] = get('s:' .. lane)
  told[#told + 1] = get('x:' .. lane)
  told[#told + 1] = over
  told[#told + 1] = redis.call('HGET', ROOM, 'd:' .. lane) or ''
end
return told
