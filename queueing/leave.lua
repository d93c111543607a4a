-- Leaves: an admitted number frees its slot, a called one gives up its turn; for a waiting one nothing is stored, so
-- nothing is to be done: it is called in vain and its window passes. Keys and arguments as in room.lua, then
-- ARGV[11] lane   ARGV[12] number   ARGV[13] 1 = his session is over, and he may come back within the grace. Who says
--          himself that he leaves may be inside still: coming back again and again he would be so many times
-- ARGV[14] id of his pass, "" = none: from now on it is spent, and what it was exchanged for is over (spent.py)
-- returns as answer() says; state is completed, abandoned or expired

if not known() then return {'foreign'} end
local lane, number = ARGV[11], tonumber(ARGV[12])
local name = member(lane, number)
local state, ends = standing(lane, number)
if state == 'admitted' then
  redis.call('ZREM', key('active'), name)
  redis.call('HDEL', key('stays'), name)
  if ARGV[14] ~= '' and ends > now then
    local spent = string.sub(ROOM, 1, -5) .. 'spent:' .. ARGV[14]
    redis.call('SET', spent, string.rep('\0', 16) .. 'left', 'PX', ends - now)
  end
  if grace > 0 and ARGV[13] == '1' then redis.call('ZADD', key('lately'), now + grace, name) end
  state = 'completed'
elseif state == 'called' then
  end_turn(name)
  turn(lane, number, 1)
  add('due', -1)
  add('left', 1)
  state = 'abandoned'
elseif state ~= 'expired' then
  end_turn(name)
  state = 'abandoned'
end
return answer(state, lane, number, 0)
