-- Gives a called number a whole window from now, ten times. Keys and arguments as in room.lua, then
-- ARGV[11] lane   ARGV[12] number
-- returns as answer() says

if not known() then return {'foreign'} end
local lane, number = ARGV[11], tonumber(ARGV[12])
local state, ends = standing(lane, number)
if state == 'called' and redis.call('HINCRBY', key('more'), member(lane, number), 1) <= EXTENSIONS_MAX then
  own_turn(lane, number)
  ends = math.max(ends, now + window)
end
return answer(state, lane, number, ends)
