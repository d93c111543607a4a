-- Takes a block of numbers that was reserved; one that does not follow on the last is none of this life's.
-- Keys and arguments as in room.lua, then ARGV[11] lane   ARGV[12] life   ARGV[13] number before its first
-- ARGV[14] its last
-- returns {"taken", last number of the block that is in use now}

if not known() then return {'foreign'} end
local field = 't:' .. ARGV[11]
if life == ARGV[12] and get(field) == tonumber(ARGV[13]) then redis.call('HSET', ROOM, field, ARGV[14]) end
return {'taken', get(field)}
