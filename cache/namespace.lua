-- What the cache's scripts share: it stands in front of each of them. All keys of a namespace share a slot by
-- {tenant:namespace}, so that one script sees an entry, its lease and all purges, on a cluster too.
--
-- KEYS[1]  cache:{tenant:namespace}:g
-- ARGV[1]  incarnation of the server that runs this (put there by the client)
-- ARGV[2]  now, ms since the epoch; "" = this server's TIME
--
-- g        what is known of the namespace, packed: clock (8 bytes), n / s / t stamp of the last hard / soft purge of
--          everything / purge of any tag (8 each), q number of the last notice (8), b bytes of living entries (8),
--          d number of former x (4), w where the sweep stands (4), k day on which ends were last drawn (4), then
--          the incarnations that the namespace has lived in. One GET and one unpack: 9 fields of a hash cost 6 us.
-- t        sorted set: h<tag> / s<tag> by the stamp of its last hard / soft purge
-- e:<key>  entry: version 2 (1 byte), flags (1), stamp (8), born, soft, hard, error, keep (6 each, ms),
--          cost (4, ms), length of the tags (2), tags (length 1, bytes), payload; big-endian
-- l:<key>  who may load: <token>:<ends ms>:<asker>, or u:<stamp>:<until ms> where everybody may
-- x        sorted set: <bytes>:<key> of each living entry by its end, ms: what is counted
-- d, d:<stamp>  the x of former times, whose entries are dead and have yet to be removed
--
-- A stamp is the namespace's clock: us of this server's TIME, but always later than the one before. Leases and
-- purges take theirs from it, so one comparison says which came first; an entry carries its lease's.
--
-- What of g is changed is written once, at the end: every way out of a script is done().

local PREFIX = string.sub(KEYS[1], 1, -2)
local DAY_MS = 86400000
local LIFE_MS = 32 * DAY_MS -- an entry lives 30 days at most, and ends are drawn once a day
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

local PACKED = '>I8I8I8I8I8I8I4I4I4'
local PACKED_BYTES = 60
local g = {c = 0, n = 0, s = 0, t = 0, q = 0, b = 0, d = 0, w = 0, k = 0}
local incarnations
local changed = false

local stored = redis.call('GET', KEYS[1])
if stored then
  g.c, g.n, g.s, g.t, g.q, g.b, g.d, g.w, g.k = struct.unpack(PACKED, stored)
  incarnations = string.sub(stored, PACKED_BYTES + 1)
end

local function text(number) return string.format('%.0f', number) end -- tostring() keeps 14 digits only

local function set(name, value)
  g[name] = value
  changed = true
end

local function keep(key) redis.call('PEXPIRE', key, LIFE_MS + linger_ms) end

local function done(answer)
  if not changed then return answer end
  local today = math.floor(now / DAY_MS)
  if g.k ~= today then
    g.k = today
    keep(PREFIX .. 'x')
    keep(PREFIX .. 't')
  end
  local packed = struct.pack(PACKED, g.c, g.n, g.s, g.t, g.q, math.max(0, g.b), g.d, g.w, g.k)
  redis.call('SET', KEYS[1], packed .. incarnations, 'PX', LIFE_MS + linger_ms)
  return answer
end

local function tick()
  set('c', math.max(g.c + 1, us))
  return g.c
end

local function notice(kind, stamp, name)
  set('q', g.q + 1)
  local space = string.match(PREFIX, '{(.*)}')
  redis.call('PUBLISH', 'cache:feed', kind .. ' ' .. text(g.q) .. ' ' .. text(stamp) .. ' ' .. space .. ' ' .. name)
end

-- Everything that was there is dead. It is removed bit by bit, for nothing that takes long may run here.
local function empty(stamp)
  set('n', stamp)
  set('b', 0)
  local counted = PREFIX .. 'x'
  if redis.call('EXISTS', counted) == 1 then
    local dead = PREFIX .. 'd:' .. text(stamp)
    redis.call('RENAME', counted, dead)
    redis.call('RPUSH', PREFIX .. 'd', text(stamp))
    set('d', g.d + 1)
    keep(dead)
    keep(PREFIX .. 'd')
  end
  notice('n', stamp, '')
end

-- This server is known to hold all purges that were acknowledged, or nothing older than this moment is believed:
-- one that is new to the namespace (a restart, a fail-over, a moved slot) may have lost some.
local function settle()
  if incarnations and string.find(incarnations, ARGV[1], 1, true) then return end
  local list = ARGV[1]
  for one in string.gmatch(incarnations or '', '[^|]+') do
    if select(2, string.gsub(list, '|', '')) < INCARNATIONS - 1 then list = list .. '|' .. one end
  end
  incarnations = list
  empty(tick())
end

-- hard and soft stamp of the last purge of any tag in an entry's list, where that was after a stamp
local function tag_stamps(tags, stamp)
  if g.t <= stamp or #tags == 0 then return 0, 0 end
  local names, at = {}, 1
  while at <= #tags do
    local size = string.byte(tags, at)
    local tag = string.sub(tags, at + 1, at + size)
    names[#names + 1], names[#names + 2] = 'h' .. tag, 's' .. tag
    at = at + 1 + size
  end
  if redis.call('EXISTS', PREFIX .. 't') == 0 then return g.t, 0 end -- lost: then any tag may have been purged
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
  if g.n > stamp then return 'namespace-purged', 0 end
  local purged, softened = 0, 0
  if size > 0 and g.t > stamp then purged, softened = tag_stamps(string.sub(entry, 47, 46 + size), stamp) end
  if purged > stamp then return 'tag-purged', 0 end
  softened = math.max(softened, g.s)
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
  if ends <= now or token < g.n or token < g.s then return 0, 0, '', 0, 0 end
  return token, ends, asker, 0, 0
end

