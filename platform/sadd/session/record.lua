-- What every script of a session begins with (valkey.py puts it in front of each). Stored form: record.py.
--
-- KEYS[1]  the session
-- KEYS[2]  generation of its subject, a counter; 0 when absent
-- ARGV[1]  now, ms since the epoch; "" = this server's TIME

local now = tonumber(ARGV[1])
local linger_ms = 60000 -- with a passed time the server's own clock must not end the key early
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  linger_ms = 1
end

local function generation()
  return tonumber(redis.call('GET', KEYS[2])) or 0
end

-- When a record ends, ms: idle counts from the last written use, which may be one touch interval too old.
local function ends(used, absolute, idle, touch)
  return math.min(used + idle + touch, absolute)
end

-- The record if its session is alive, with its times; else nil.
local function alive()
  local record = redis.call('GET', KEYS[1])
  if not record then return nil end
  local _, used, absolute, _, idle, touch, made_under = struct.unpack('>I1I6I6I6I5I5I4', record)
  if now >= ends(used, absolute, idle, touch) or made_under ~= generation() then return nil end
  return record, used, absolute, idle, touch
end

local function ttl(used, absolute, idle, touch)
  return ends(used, absolute, idle, touch) - now + linger_ms
end
