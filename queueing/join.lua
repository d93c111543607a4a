-- Gives out the next number. When nobody waits and there is room, it is admitted at once.
-- Keys, arguments and answer as in room.lua; state is waiting or admitted.

settle()
room.issued = room.issued + 1
local number = room.issued
call()
if room.serving >= number then return answer('admitted', number, admit(number)) end
return answer('waiting', number, 0)
