-- Tells the room's counters and changes nothing that counts. Keys and arguments as in room.lua, then
-- ARGV[11..] the lanes
-- returns {"status", life, now, active, claimed, due, pace, then for each lane serving, issued}

if not known() then return {'foreign'} end
local held = redis.call('HMGET', ROOM, 'claimed', 'due', 'pace')
local told = {'status', tonumber(life), now, active(), tonumber(held[1]) or 0, tonumber(held[2]) or 0, held[3] or ''}
for at = 11, #ARGV do
  told[#told + 1] = get('s:' .. ARGV[at])
  told[#told + 1] = get('i:' .. ARGV[at])
end
return told
