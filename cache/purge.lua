-- Purges keys, tags or everything, at one moment. What tags and everything cost does not depend on how many
-- entries that ends.
--
-- KEYS[1], ARGV[1..2]  see namespace.lua
-- KEYS[2..]  for each key: the entry, its lease
-- ARGV[3]  1 = soft: what was fresh is stale from now on, and gone as much later as it would have been
-- ARGV[4]  1 = everything
-- ARGV[5]  number of keys
-- ARGV[6..]  the keys, then the tags
-- returns  {stamp, living entries found by key}

settle()
local softly, keys = ARGV[3] == '1', tonumber(ARGV[5])
local stamp = tick()
local found = 0

local function soften(place)
  local entry = head_of(place)
  if not entry or string.byte(entry, 1) ~= 2 then return end
  local ends = {struct.unpack('>I6I6I6I6', entry, 17)}
  local sooner = math.max(0, ends[1] - now)
  for place_of = 1, 4 do ends[place_of] = ends[place_of] - sooner end
  redis.call('SETRANGE', place, 16, struct.pack('>I6I6I6I6', ends[1], ends[2], ends[3], ends[4]))
end

for at = 1, keys do
  local place, key = KEYS[2 * at], ARGV[5 + at]
  if SERVED[judged(head_of(place))] then found = found + 1 end
  if softly then
    soften(place)
  else
    uncount(place, key)
    redis.call('UNLINK', place)
  end
  redis.call('DEL', KEYS[2 * at + 1])
  notice('k', stamp, key)
end

local tags = PREFIX .. 't'
for at = 6 + keys, #ARGV do
  redis.call('ZADD', tags, text(stamp), (softly and 's' or 'h') .. ARGV[at])
  notice('t', stamp, ARGV[at])
end
if #ARGV >= 6 + keys then
  set('t', stamp)
  keep(tags)
  -- Forgotten is the oldest purge, and with it everything that it could have ended.
  local over = redis.call('ZCARD', tags) - TAGS_MAX
  if over > 0 then
    local forgotten = redis.call('ZPOPMIN', tags, over)
    local last = tonumber(forgotten[#forgotten])
    if last > g.n then
      set('n', last)
      notice('n', last, '')
    end
  end
end

if ARGV[4] == '1' and softly then
  set('s', stamp)
  notice('n', stamp, '')
elseif ARGV[4] == '1' then
  empty(stamp)
end
return done({stamp, found})
