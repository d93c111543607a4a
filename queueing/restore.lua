-- Begins a new life: what load.lua brought, and the counters of the journal. Everybody called gets a whole window.
-- Keys and arguments as in room.lua, then ARGV[11] life   ARGV[12] the server that it is restored for
-- ARGV[13] how many claims were loaded   ARGV[14..16] totals: claimed, missed, left
-- ARGV[17..] for each lane: its id, reserved, serving, expired, swept, doubts
-- returns {"restored"}, or {"newer"} when a later life has begun

life = ARGV[11]
local loaded = tonumber(redis.call('GET', key('loaded'))) or 0
if ARGV[1] ~= ARGV[12] or loaded ~= tonumber(ARGV[13]) then return {'foreign'} end -- lost again meanwhile
redis.call('DEL', key('loaded'))
local before = redis.call('HMGET', ROOM, 'server', 'life')
if before[1] == ARGV[1] and tonumber(before[2] or 0) >= tonumber(ARGV[11]) then return {'newer'} end
if before[2] then
  life = before[2]
  for _, name in ipairs({'active', 'stays', 'turns', 'more', 'asking', 'asked', 'lately'}) do
    redis.call('UNLINK', key(name))
  end
  for at = 17, #ARGV, 6 do redis.call('UNLINK', key('marks:' .. ARGV[at])) end
end
redis.call('DEL', ROOM)
life = ARGV[11]
for _, name in ipairs({'active', 'stays', 'lately'}) do redis.call('PERSIST', key(name)) end
redis.call('HSET', ROOM, 'server', ARGV[1], 'life', life, 'claimed', ARGV[14], 'missed', ARGV[15], 'left', ARGV[16],
  'full', now, 'at', now, 'at_once', math.ceil(outflow / 120)) -- half a second's
for at = 17, #ARGV, 6 do
  local lane, top = ARGV[at], tonumber(ARGV[at + 1])
  local serving, expired = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  -- All that the lost store may have handed out is taken as handed out.
  redis.call('HSET', ROOM, 'i:' .. lane, top, 't:' .. lane, top, 's:' .. lane, serving, 'x:' .. lane, expired,
    'w:' .. lane, ARGV[at + 4], 'd:' .. lane, ARGV[at + 5], 'r:' .. lane, expired)
  if expired > 0 then turn(lane, expired, 0) end
  add('waiting', top - serving)
  if serving > expired then
    add('due', unturned(lane, expired + 1, serving))
    turn(lane, serving, 0)
    redis.call('RPUSH', key('marks:' .. lane), serving .. ':' .. now)
  end
end
return {'restored'}
