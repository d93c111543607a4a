-- Reads sessions and, where that is a use, notes it, unless one was noted within the touch interval.
--
-- KEYS      sessions, all of one hash slot; each one's subject lies beside it, and its key is made from it
-- ARGV      [1] and [2] as in record.lua; [3] unused; [3 + n] of the n-th: 0 = no use, else the dice and 1
-- returns   four values for each: {record, now ms, last use before this one, ms; 0 = nothing written, 0},
--           {nil, 0, 0, 0} when there is no such session, or what record.lua says of foreign and moved ones

local found = {}

local function tell(one, two, three, four)
  local at = #found
  found[at + 1], found[at + 2], found[at + 3], found[at + 4] = one, two, three, four
end

local function tell_all(words) tell(words[1], words[2], words[3], words[4]) end

local function read(key, use)
  if not generation then return tell_all(foreign(key)) end
  local record = redis.call('GET', key)
  if is_tomb(record) then
    local to = moved(record, key)
    if to then return tell_all(to) end
    return tell(false, 0, 0, 0)
  end
  local lives, used, absolute, idle, touch = alive(record)
  if not lives then return tell(false, 0, 0, 0) end
  if use == 0 or now - used < touch then return tell(record, now, 0, 0) end
  dice = use - 1
  redis.call('SETRANGE', key, 1, struct.pack('>I6', now))
  redis.call('PEXPIRE', key, ttl(now, absolute, idle, touch))
  tell(string.sub(record, 1, 1) .. struct.pack('>I6', now) .. string.sub(record, 8), now, used, 0)
end

for at, key in ipairs(KEYS) do
  of_subject(string.sub(key, 1, -23) .. 'subject')
  read(key, tonumber(ARGV[3 + at]))
end
return found
