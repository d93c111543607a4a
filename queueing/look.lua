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

local lanes, waiting = {}, 0
for at = 12, #ARGV do
  lanes[ARGV[at]] = true
  waiting = waiting + get('i:' .. ARGV[at]) - get('s:' .. ARGV[at])
end
redis.call('HSET', ROOM, 'waiting', waiting)
-- Lanes that are no more: nobody waits in them, and who was called there has his window and no longer.
for _, field in ipairs(redis.call('HKEYS', ROOM)) do
  local lane = string.match(field, '^s:(.*)$')
  if lane and not lanes[lane] then expire(lane, over_now(lane, full)) end
end

local held = redis.call('HMGET', ROOM, 'due', 'claimed', 'missed', 'left', 'ok', 'failed', 'latency')
local told = {'seen', tonumber(life), now, inside}
for at = 1, 7 do told[#told + 1] = tonumber(held[at]) or 0 end
told[#told + 1] = redis.call('ZCOUNT', key('turns'), 0, 0)
told[#told + 1] = get('recalled')
for at = 12, #ARGV do
  local lane = ARGV[at]
  local serving, expired = get('s:' .. lane), get('x:' .. lane)
  -- Windows may be held for days: no turn of theirs is forgotten meanwhile.
  for number = expired + 1, serving, PAGE do redis.call('PEXPIRE', page_of(lane, number), PAGE_MS) end
  if serving > expired then redis.call('PEXPIRE', page_of(lane, serving), PAGE_MS) end
  told[#told + 1] = get('i:' .. lane)
  told[#told + 1] = serving
  told[#told + 1] = expired
  told[#told + 1] = over_now(lane, full)
  told[#told + 1] = redis.call('HGET', ROOM, 'd:' .. lane) or ''
end
return told
