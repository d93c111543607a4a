-- What every script of a session begins with (valkey.py puts it in front of each). Stored form: record.py.
--
-- KEYS[1]  the session
-- KEYS[2]  its subject, a sorted set: digests of its sessions, score = absolute end, ms; and, with score -1, its state:
--          16 bytes of the run of the server that it was completed for, then its generation 6. In one key, since
--          a second one would cost a hundred bytes a subject.
-- ARGV[1]  incarnation of this server, put there by the client
-- ARGV[2]  now, ms since the epoch; "" = this server's TIME
-- ARGV[3]  0-999 at random: how much later than its end a session leaves the store
-- (read.lua takes many: KEYS and ARGV are told there.)
-- returns  {"foreign", now ms, run, 1 if there is a record} when the subject was not completed for this run;
--          {"moved", digest, 1 within the grace, 1 if nobody was told} for an id that was rotated away
--
-- A tombstone: form 0, 1 | since, ms 6 | grace, ms 2 | told 1 | digest of the new id 22, or nothing: revoked

local TOMB_MS = 60000
local LATE_MS = 30000 -- what was read from the database longer ago completes nothing: half a tombstone's time
local HEAD = '>I1I6I6I6I5I5I6I4I1I2'
local HEAD_BYTES = 42

local now = tonumber(ARGV[2])
local linger_ms = 60000 -- with a passed time the server's own clock must not end the key early
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  linger_ms = 1
end
-- Of its run id and of its replication id 32 bits each.
local RUN_BYTES, NO_RUN = 16, string.rep('\0', 16)
local run = string.sub(ARGV[1], 1, 8) .. string.sub(ARGV[1], 42, 49)
local dice = tonumber(ARGV[3])
local SUBJECT, PREFIX
-- The state of the subject as it stands there, nil when there is none; its generation, 0 for none; and the same,
-- nil when it was not completed for this run.
local state, held_generation, generation

local function of_subject(key)
  SUBJECT, PREFIX = key, string.sub(key, 1, -8)
  state = redis.call('ZRANGE', key, 0, 0)[1]
  held_generation = state and struct.unpack('>I6', state, RUN_BYTES + 1) or 0
  generation = state and string.sub(state, 1, RUN_BYTES) == run and held_generation or nil
end

local function foreign(key)
  return {'foreign', now, run, redis.call('EXISTS', key or KEYS[1])}
end

local function set_state(of_run, to)
  redis.call('ZREMRANGEBYSCORE', SUBJECT, -1, -1)
  redis.call('ZADD', SUBJECT, -1, of_run .. struct.pack('>I6', to))
end

-- The subject's key lives as long as any of its sessions. What it forgets, the database knows.
local function subject_lives(until_ms)
  if redis.call('PTTL', SUBJECT) < 0 then redis.call('PEXPIRE', SUBJECT, TOMB_MS) end
  redis.call('PEXPIRE', SUBJECT, math.max(until_ms - now + linger_ms, TOMB_MS), 'GT')
end

-- When a record ends, ms: idle counts from the last written use, which may be one touch interval too old.
local function ends(used, absolute, idle, touch)
  return math.min(used + idle + touch, absolute)
end

local function ttl(used, absolute, idle, touch)
  local jitter = math.floor(dice * (touch / 2 + idle / 20) / 1000)
  return ends(used, absolute, idle, touch) - now + linger_ms + jitter
end

-- Whether a record (its head is enough) is of a session that is alive, and its times.
local function alive(record)
  if not record or #record < HEAD_BYTES then return false end
  local form, used, absolute, _, idle, touch, made_under = struct.unpack(HEAD, record)
  if form ~= 2 or now >= ends(used, absolute, idle, touch) or made_under < generation then return false end
  return true, used, absolute, idle, touch
end

local function version_of(record) return struct.unpack('>I4', record, 36) end

local function is_tomb(record) return record and string.byte(record) == 0 end

local function tomb(key, grace, digest)
  redis.call('SET', key, struct.pack('>I1I6I2I1', 0, now, grace, 0) .. digest, 'PX', TOMB_MS)
end

-- Where a rotated id leads; nil for a revoked one.
local function moved(record, key)
  local _, since, grace, told = struct.unpack('>I1I6I2I1', record)
  local digest = string.sub(record, 11)
  if digest == '' then return nil end
  if now < since + grace then return {'moved', digest, 1, 0} end
  if told == 0 then redis.call('SETRANGE', key or KEYS[1], 9, '\1') end
  return {'moved', digest, 0, 1 - told}
end

local function rewritten(record, version, tail)
  local _, _, absolute, created, idle, touch, made_under, _, flags, grace = struct.unpack(HEAD, record)
  return struct.pack(HEAD, 2, now, absolute, created, idle, touch, made_under, version, flags, grace) .. tail
end

-- Forgets those of the subject that ended, and returns the living: digest, record, digest, record …
local function living(bytes)
  redis.call('ZREMRANGEBYSCORE', SUBJECT, 0, now)
  local found = {}
  for _, digest in ipairs(redis.call('ZRANGE', SUBJECT, 1, -1)) do
    local record = redis.call('GETRANGE', PREFIX .. digest, 0, bytes)
    if alive(record) then
      found[#found + 1] = digest
      found[#found + 1] = record
    else
      redis.call('ZREM', SUBJECT, digest)
    end
  end
  return found
end
