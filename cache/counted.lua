-- What fill and purge share beside namespace.lua: the count of bytes and entries. It stands after that one.
--
-- An entry that ends by itself tells nobody, so each is in x by its end, with its size in the name: whoever
-- stores an entry takes a few of the ended ones out of the count.

local COUNTED = PREFIX .. 'x'

local function discount(member)
  if redis.call('ZREM', COUNTED, member) == 0 then return end
  set('b', g.b - string.match(member, '^%d+'))
end

local function key_of(member) return string.match(member, '^%d+:(.*)$') end

-- Takes the entry that is under a key now out of the count.
local function uncount(place, key)
  local size = redis.call('STRLEN', place)
  if size > 0 then discount(size .. ':' .. key) end
end

local function drop_ended()
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', COUNTED, '-inf', text(now), 'LIMIT', 0, STEPS)) do
    discount(member)
  end
end

-- The head of an entry with its tags, or nil: enough to judge it, and never its payload.
local function head_of(place)
  local head = redis.call('GETRANGE', place, 0, 45)
  if #head < 46 then return nil end
  return redis.call('GETRANGE', place, 0, 45 + struct.unpack('>I2', head, 45))
end

local function stamp_of(place)
  local head = redis.call('GETRANGE', place, 2, 9)
  return #head == 8 and struct.unpack('>I8', head) or nil
end

-- Removes a few of the entries that died with a purge of everything, unless they were stored anew since.
local function drop_dead()
  if g.d == 0 then return end
  local purge = redis.call('LINDEX', PREFIX .. 'd', 0)
  if not purge then return set('d', 0) end
  local popped = redis.call('ZPOPMIN', PREFIX .. 'd:' .. purge, STEPS)
  for at = 1, #popped, 2 do
    local place = PREFIX .. 'e:' .. key_of(popped[at])
    local stamp = stamp_of(place)
    if stamp and stamp < tonumber(purge) then redis.call('UNLINK', place) end
  end
  if #popped < 2 * STEPS then
    redis.call('LPOP', PREFIX .. 'd')
    set('d', g.d - 1)
  end
end
