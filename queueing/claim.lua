-- Claims: a called number becomes admitted, once, and a retry finds it so. While the cap is reached nobody is: who
-- asked keeps the turn, and free slots go in the order of asking. Keys and arguments as in room.lua, then
-- ARGV[11] lane   ARGV[12] number
-- returns as answer() says; state called = no slot is free for him just now

if not known() then return {'foreign'} end
local lane, number = ARGV[11], tonumber(ARGV[12])
local name = member(lane, number)
local state, ends = standing(lane, number)
if state ~= 'called' then return answer(state, lane, number, ends) end

-- Slots that are free for this one: less those for whom found the cap reached before him and still asks.
local function free()
  local slots = cap - active()
  local silent = redis.call('ZRANGEBYSCORE', key('asked'), '-inf', now - ASKED_MS, 'LIMIT', 0, ENDED_MAX)
  for _, gone in ipairs(silent) do
    redis.call('ZREM', key('asking'), gone)
    redis.call('ZREM', key('asked'), gone)
  end
  return slots - (redis.call('ZRANK', key('asking'), name) or redis.call('ZCARD', key('asking')))
end

local back = redis.call('HEXISTS', key('stays'), name) == 1 -- he was served already
local sold_out = stock >= 0 and not back and get('claimed') >= stock
if not sold_out and free() > 0 then
  end_turn(name)
  admit(lane, number)
  add('due', -1)
  if not back then add('claimed', 1) end
  return answer('admitted', lane, number, now + pass)
end
own_turn(lane, number)
if not redis.call('ZSCORE', key('asking'), name) then
  redis.call('ZADD', key('asking'), redis.call('HINCRBY', ROOM, 'asks', 1), name)
end
redis.call('ZADD', key('asked'), now, name)
return answer('called', lane, number, now + window)
