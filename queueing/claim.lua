-- Claims: a called number becomes admitted, once, and a retry finds it so.
-- Keys, arguments and answer as in room.lua; state called = the cap is reached, ask again.

settle()
local number = tonumber(ARGV[6])
local state, ends = standing(number)
if state == 'called' and room.active < cap then
  state, ends = 'admitted', admit(number)
end
return answer(state, number, ends)
