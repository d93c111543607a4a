-- Moves the room as the leader has journalled it. Repeating it changes nothing. Keys and arguments as in room.lua,
-- then ARGV[11] life   ARGV[12] epoch   ARGV[13] to call again   ARGV[14] joins to admit at once   ARGV[15] the pace
-- ARGV[16..] for each lane: its id, serving, expired
-- returns {"moved"}, or {"deposed"} when a later leader or a later life is at work

if not known() then return {'foreign'} end
if life ~= ARGV[11] or get('epoch') > tonumber(ARGV[12]) then return {'deposed'} end

local function mark(lane, serving)
  local upto, marked = mark_at(lane, -1)
  if upto and now < marked + granule then
    redis.call('LSET', key('marks:' .. lane), -1, serving .. ':' .. marked)
  else
    redis.call('RPUSH', key('marks:' .. lane), serving .. ':' .. now)
  end
end

local function call(lane, upto)
  local serving = get('s:' .. lane)
  local reached = math.min(math.max(upto, serving), get('i:' .. lane))
  if reached == serving then return end
  for number = serving + 1, reached, PAGE do turn(lane, number, 0) end
  turn(lane, reached, 0)
  redis.call('HSET', ROOM, 's:' .. lane, reached)
  add('due', unturned(lane, serving + 1, reached))
  add('waiting', serving - reached)
  mark(lane, reached)
end

for at = 16, #ARGV, 3 do
  expire(ARGV[at], tonumber(ARGV[at + 2]))
  call(ARGV[at], tonumber(ARGV[at + 1]))
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('turns'), 0, 0, 'LIMIT', 0, ARGV[13])) do
  redis.call('ZADD', key('turns'), now + window, name)
  add('due', 1)
  add('recalled', 1)
end
redis.call('HSET', ROOM, 'epoch', ARGV[12], 'at', now, 'at_once', ARGV[14], 'pace', ARGV[15])
return {'moved'}
