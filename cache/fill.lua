-- Stores one entry, born now. Without a token whatever was there is replaced and loads under way are void; with
-- one it is stored only if the lease is the token's and nothing that it stands on was purged since.
--
-- KEYS[1], ARGV[1..2]  see namespace.lua
-- KEYS[2]  the entry   KEYS[3]  its lease
-- ARGV[3]  token; "" = a put
-- ARGV[4..7]  ms from birth to soft, hard, error expiry, and to when it is kept for validation
-- ARGV[8]  ms that the load took
-- ARGV[9]  flags   ARGV[10]  the tags as stored   ARGV[11]  the payload   ARGV[12]  the key
-- ARGV[13] bytes, ARGV[14] entries that the namespace may hold
-- ARGV[15] 1 = when it is full, end those that end soonest
-- returns  {"stored", born ms, stamp}, {"superseded"} or {"full", bytes, entries}

local MADE_ROOM_MAX = 64
local SWEPT = 32

settle()
local entry, lease_key, key = KEYS[2], KEYS[3], ARGV[12]
local token = tonumber(ARGV[3])
local size = 46 + #ARGV[10] + #ARGV[11]

local function holds()
  local held, _, _, since, till = lease(lease_key)
  if held == token then return true end
  return till > 0 and since < token
end

local function purged()
  local tags_hard, tags_soft = tag_stamps(ARGV[10], token)
  return math.max(g.n, g.s, tags_hard, tags_soft) > token
end

-- Whether the entry has room in the place of the one that it replaces, whose member of x this returns too, and how
-- many there are.
local function fits()
  local old = redis.call('STRLEN', entry)
  local member = old > 0 and old .. ':' .. key or nil
  if member and not redis.call('ZSCORE', COUNTED, member) then member = nil end
  local count = redis.call('ZCARD', COUNTED)
  local bytes, entries = g.b + size, count + 1
  if member then bytes, entries = bytes - old, entries - 1 end
  return bytes <= tonumber(ARGV[13]) and entries <= tonumber(ARGV[14]), member, count
end

-- Ends entries until the new one has room. Bounded: a large one that needs more is refused.
local function evict()
  for _ = 1, MADE_ROOM_MAX do
    if fits() then return end
    local member = redis.call('ZRANGE', COUNTED, 0, 0)[1]
    if not member then return end
    redis.call('UNLINK', PREFIX .. 'e:' .. key_of(member))
    discount(member)
  end
end

-- Looks at the next few entries for such as died with a tag, which nothing else removes before their end.
local function sweep()
  local from = g.w
  local members = redis.call('ZRANGE', COUNTED, from, from + SWEPT - 1)
  for _, member in ipairs(members) do
    local place = PREFIX .. 'e:' .. key_of(member)
    if judged(head_of(place)) == 'tag-purged' then
      redis.call('UNLINK', place)
      discount(member)
      from = from - 1
    end
  end
  set('w', #members < SWEPT and 0 or math.max(0, from + SWEPT))
end

-- Nothing is stored, and nothing is changed but that others may load.
local function refused(...)
  if token and lease(lease_key) == token then
    redis.call('DEL', lease_key)
    notice('r', token, key)
  end
  return done({...})
end

if token and (not holds() or purged()) then
  if stamp_of(entry) ~= token then return refused('superseded') end
  -- It is there: the same call, repeated, whose first answer was lost.
  return done({'stored', (struct.unpack('>I6', redis.call('GETRANGE', entry, 10, 15))), token})
end

drop_ended()
drop_dead()
local room, old, count = fits()
if not room then
  sweep()
  if ARGV[15] == '1' then evict() end
  room, old, count = fits()
  if not room then return refused('full', g.b, count) end
end
if old then discount(old) end

local stamp = token or tick()
local hard_end = now + ARGV[5]
local error_end = math.max(hard_end, now + ARGV[6])
local ends = math.max(error_end, now + ARGV[7])
local times = struct.pack('>I6I6I6I6I6I4', now, now + ARGV[4], hard_end, error_end, ends, ARGV[8])
local head = struct.pack('>I1I1I8', 2, ARGV[9], stamp) .. times .. struct.pack('>I2', #ARGV[10])
redis.call('SET', entry, head .. ARGV[10] .. ARGV[11], 'PX', text(ends - now + linger_ms))
redis.call('ZADD', COUNTED, text(ends), size .. ':' .. key)
if count == 0 then keep(COUNTED) end
set('b', g.b + size)
redis.call('DEL', lease_key)
notice(token and 'f' or 'p', stamp, key)
return done({'stored', now, stamp})
