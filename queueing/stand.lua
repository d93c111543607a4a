-- Tells where a number stands: waiting, called, admitted or expired.
-- Keys, arguments and answer as in room.lua.

settle()
local number = tonumber(ARGV[6])
local state, ends = standing(number)
return answer(state, number, ends)
