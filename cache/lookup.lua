-- Looks entries up. A namespace that was never written is not made by asking.
--
-- KEYS[1], ARGV[1..2]  see namespace.lua
-- KEYS[2..]  entries
-- returns  {now ms, then for each entry: its verdict, the entry or nil, by how many ms its ends were drawn forward}

if incarnations then settle() end
local answer = {now}
local entries = redis.call('MGET', unpack(KEYS, 2))
for place = 1, #KEYS - 1 do
  local verdict, sooner = 'none', 0
  if incarnations then verdict, sooner = judged(entries[place]) end
  answer[#answer + 1] = verdict
  answer[#answer + 1] = SERVED[verdict] and entries[place] or false
  answer[#answer + 1] = sooner
end
return done(answer)
