-- Makes a pass last longer, up to the hard cap after its claim. Keys and arguments as in room.lua, then
-- ARGV[11] lane   ARGV[12] number
-- returns as answer() says

if not known() then return {'foreign'} end
local lane, number = ARGV[11], tonumber(ARGV[12])
local name = member(lane, number)
local state, ends = standing(lane, number)
if state == 'admitted' then
  local start = tonumber(redis.call('HGET', key('stays'), name))
  ends = math.max(ends, math.min(now + pass, start + math.max(pass_cap, pass)))
  redis.call('ZADD', key('active'), ends, name)
end
return answer(state, lane, number, ends)
