-- What the cache's scripts share: it stands in front of each of them. All keys of a namespace share a slot by
-- {tenant:namespace}, so that one script sees an entry, its lease and all generations, on a cluster too.
--
-- KEYS[1]  cache:{tenant:namespace}:g
-- ARGV[1]  incarnation of the server that runs this (put there by the client)
-- ARGV[2]  now, ms since the epoch; "" = this server's TIME
--
-- g        hash: c clock, n / s stamp of the last hard / soft purge of everything, q number of the last notice,
--          b bytes of living entries, i incarnations that the namespace has lived in, w where the sweep stands
-- t        sorted set: h<tag> / s<tag> by the stamp of its last hard / soft purge
-- e:<key>  entry: version 2 (1 byte), flags (1), stamp (8), born, soft, hard, error, keep (6 each, ms),
--          cost (4, ms), length of the tags (2), tags (length 1, bytes), payload; big-endian
-- l:<key>  who may load: <token>:<ends ms>:<asker>, or u:<stamp>:<until ms> where everybody may
-- x        sorted set: <bytes>:<key> of each living entry by its end, ms: what is counted
-- d, d:<stamp>  the x of former times, whose entries are dead and have yet to be removed
--
-- A stamp is the namespace's clock: us of this server's TIME, but always later than the one before. Leases and
-- purges take theirs from it, so one comparison says which came first; an entry carries its lease's.

local PREFIX = string.sub(KEYS[1], 1, -2)
local SPACE = string.match(PREFIX, '{(.*)}')
local LIFE_MS = 2678400000 -- 31 days: a day more than any entry lives
local TAGS_MAX = 16384
local INCARNATIONS = 4
local STEPS = 16 -- of tidying, for each entry that is stored

local passed = tonumber(ARGV[2])
local linger_ms = 1
local us
if passed then
  us, linger_ms = passed * 1000, 60000 -- the server's own clock must not end early what lives by a passed one
else
  local time = redis.call('TIME')
  us = time[1] * 1000000 + time[2]
end
local now = math.floor(us / 1000)

local state = redis.call('HMGET', KEYS[1], 'c', 'n', 's', 'i')
local clock, hard, soft = tonumber(state[1] or 0), tonumber(state[2] or 0), tonumber(state[3] or 0)

local function text(number) return string.format('%.0f', number) end -- tostring() keeps 14 digits only

local function tick()
  clock = math.max(clock + 1, us)
  redis.call('HSET', KEYS[1], 'c', text(clock))
  return clock
end

local function notice(kind, stamp, name)
  local number = redis.call('HINCRBY', KEYS[1], 'q', 1)
  local said = kind .. ' ' .. number .. ' ' .. text(stamp) .. ' ' .. SPACE .. ' ' .. name
  redis.call('PUBLISH', 'cache:feed', said)
end

local function keep(key) redis.call('PEXPIRE', key, LIFE_MS + linger_ms) end

-- Everything that was there is dead. It is removed bit by bit, for nothing that takes long may run here.
local function empty(stamp)
  hard = stamp
  redis.call('HSET', KEYS[1], 'n', text(stamp), 'b', 0)
  local counted = PREFIX .. 'x'
  if redis.call('EXISTS', counted) == 1 then
    local dead = PREFIX .. 'd:' .. text(stamp)
    redis.call('RENAME', counted, dead)
    redis.call('RPUSH', PREFIX .. 'd', text(stamp))
    keep(dead)
    keep(PREFIX .. 'd')
  end
  notice('n', stamp, '')
end

-- True when this server is known to hold all purges that were acknowledged. One that is new to the namespace (a
-- restart, a fail-over, a moved slot) may have lost some: then nothing older than this moment is believed.
local function known() return state[4] and string.find(state[4], ARGV[1], 1, true) ~= nil end

local function settle()
  if known() then return end
  local list = ARGV[1]
  for one in string.gmatch(state[4] or '', '[^|]+') do
    if select(2, string.gsub(list, '|', '')) < INCARNATIONS - 1 then list = list .. '|' .. one end
  end
  state[4] = list
  redis.call('HSET', KEYS[1], 'i', list)
  empty(tick())
  keep(KEYS[1])
end

-- hard and soft stamps of each tag in an entry's list of them
local function tag_stamps(tags)
  local names, at = {}, 1
  while at <= #tags do
    local size = string.byte(tags, at)
    local tag = string.sub(tags, at + 1, at + size)
    names[#names + 1], names[#names + 2] = 'h' .. tag, 's' .. tag
    at = at + 1 + size
  end
  if #names == 0 then return 0, 0 end
  local stamps = redis.call('ZMSCORE', PREFIX .. 't', unpack(names))
  local last_hard, last_soft = 0, 0
  for place = 1, #names, 2 do
    last_hard = math.max(last_hard, tonumber(stamps[place] or 0))
    last_soft = math.max(last_soft, tonumber(stamps[place + 1] or 0))
  end
  return last_hard, last_soft
end

-- What an entry is worth now, and by how many ms a soft purge drew its ends forward.
local function judged(entry)
  if not entry then return 'none', 0 end
  if #entry < 46 or string.byte(entry, 1) ~= 2 then return 'unreadable', 0 end
  local stamp, _, soft_end, hard_end, error_end, keep_end, _, size = struct.unpack('>I8I6I6I6I6I6I4I2', entry, 3)
  if hard > stamp then return 'namespace-purged', 0 end
  local purged, softened = 0, soft
  if size > 0 then
    local tags_softened
    purged, tags_softened = tag_stamps(string.sub(entry, 47, 46 + size))
    softened = math.max(softened, tags_softened)
  end
  if purged > stamp then return 'tag-purged', 0 end
  local sooner = 0
  if softened > stamp then sooner = math.max(0, soft_end - math.floor(softened / 1000)) end
  if now < soft_end - sooner then return 'fresh', sooner end
  if now < hard_end - sooner then return 'stale', sooner end
  if now < error_end - sooner then return 'spare', sooner end
  if now < keep_end - sooner then return 'kept', sooner end
  return 'expired', 0
end

local SERVED = {fresh = true, stale = true, spare = true, kept = true}

-- token, end and asker of the lease if it is alive; or 0, 0, '' and since and until when everybody may load
local function lease(key)
  local held = redis.call('GET', key)
  if not held then return 0, 0, '', 0, 0 end
  local since, till = string.match(held, '^u:(%d+):(%d+)$')
  if since then
    if tonumber(till) <= now then return 0, 0, '', 0, 0 end
    return 0, 0, '', tonumber(since), tonumber(till)
  end
  local token, ends, asker = string.match(held, '^(%d+):(%d+):(.*)$')
  token, ends = tonumber(token), tonumber(ends)
  -- A load that was purged under its hands is void: whoever asks now must not wait for it.
  if ends <= now or token < hard or token < soft then return 0, 0, '', 0, 0 end
  return token, ends, asker, 0, 0
end

