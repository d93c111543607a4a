-- Tells where a number stands; whoever comes back after the turn may get another. Keys and arguments as in room.lua,
-- then ARGV[11] lane   ARGV[12] number   ARGV[13] 1 = he comes back
-- returns as answer() says; state is waiting, again (to be called in the next step), called, admitted or expired

if not known() then return {'foreign'} end
local lane, number = ARGV[11], tonumber(ARGV[12])
local state, ends = standing(lane, number)

local function come_back()
  local name = member(lane, number)
  local ends = redis.call('ZSCORE', key('active'), name)
  if ends and tonumber(ends) <= now then pass_ended(name, ends) end
  local lately = redis.call('ZSCORE', key('lately'), name)
  if lately and tonumber(lately) > now then -- he was inside a moment ago
    redis.call('ZREM', key('lately'), name)
    redis.call('ZADD', key('turns'), now + window, name)
    redis.call('HSET', key('stays'), name, 0)
    add('due', 1)
    return 'called', now + window
  end
  if forgotten(lane, number) or turned(lane, number) then return 'expired', 0 end
  if not says('c') and number > get('r:' .. lane) then return 'expired', 0 end
  turn(lane, number, 1) -- missed the window, or a lost store held his turn: once more, and only once
  redis.call('ZADD', key('turns'), 0, name)
  return 'again', 0
end

if state == 'expired' and ARGV[13] == '1' then state, ends = come_back() end
return answer(state, lane, number, ends)
