-- Leaves: an admitted number frees its slot, a called one gives up its turn, for a waiting one nothing is
-- stored, so nothing is to be done: it is called in vain and its window passes.
-- Keys, arguments and answer as in room.lua; state is completed, abandoned or expired.

settle()
local number = tonumber(ARGV[6])
local state = standing(number)
if state == 'admitted' then
  redis.call('ZREM', KEYS[4], number)
  room.active = room.active - 1
  state = 'completed'
elseif state == 'called' then
  redis.call('ZADD', KEYS[3], number, number)
  state = 'abandoned'
elseif state == 'waiting' then
  state = 'abandoned'
end
call()
return answer(state, number, 0)
