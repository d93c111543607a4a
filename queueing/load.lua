-- Loads claims of the journal for a life that is being restored; nobody reads them before restore.lua says so.
-- Keys and arguments as in room.lua, then ARGV[11] life   ARGV[12] the server that it is restored for
-- ARGV[13..] for each claim: lane, number, start, ends (ms)
-- returns {"loaded"}

if ARGV[1] ~= ARGV[12] then return {'foreign'} end
life = ARGV[11]
local ABANDONED_MS = 60000
local WORDS = 1000 -- of one command
local pages, gathered = {}, {active = {}, stays = {}, lately = {}}

local function flush(name, command)
  if #gathered[name] > 0 then redis.call(command, key(name), unpack(gathered[name])) end
  gathered[name] = {}
end

local function put(name, command, one, two)
  local words = gathered[name]
  words[#words + 1], words[#words + 2] = one, two
  if #words >= WORDS then flush(name, command) end
end

for at = 13, #ARGV, 4 do
  local lane, number, start, ends = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
  local name, page = member(lane, number), page_of(lane, number)
  redis.call('SETBIT', page, number % PAGE, 1)
  pages[page] = true
  if ends > now then
    put('active', 'ZADD', ends, name)
    put('stays', 'HSET', name, start)
  elseif ends + grace > now then
    put('lately', 'ZADD', ends + grace, name)
  end
end
flush('active', 'ZADD')
flush('stays', 'HSET')
flush('lately', 'ZADD')
for page in pairs(pages) do redis.call('PEXPIRE', page, PAGE_MS) end
redis.call('INCRBY', key('loaded'), (#ARGV - 12) / 4)
for _, name in ipairs({'active', 'stays', 'lately', 'loaded'}) do redis.call('PEXPIRE', key(name), ABANDONED_MS) end
return {'loaded'}
