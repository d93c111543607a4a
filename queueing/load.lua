-- Loads claims of the journal for a life that is being restored; nobody reads them before restore.lua says so.
-- Keys and arguments as in room.lua, then ARGV[11] life   ARGV[12] the server that it is restored for
-- ARGV[13..] for each claim: lane, number, start, ends (ms)
-- returns {"loaded"}

if ARGV[1] ~= ARGV[12] then return {'foreign'} end
life = ARGV[11]
local ABANDONED_MS = 60000
for at = 13, #ARGV, 4 do
  local lane, number, start, ends = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
  turn(lane, number, 1)
  if ends > now then
    redis.call('ZADD', key('active'), ends, member(lane, number))
    redis.call('HSET', key('stays'), member(lane, number), start)
  elseif ends + grace > now then
    redis.call('ZADD', key('lately'), ends + grace, member(lane, number))
  end
end
redis.call('INCRBY', key('loaded'), (#ARGV - 12) / 4)
for _, name in ipairs({'active', 'stays', 'lately', 'loaded'}) do redis.call('PEXPIRE', key(name), ABANDONED_MS) end
return {'loaded'}
