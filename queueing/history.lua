-- Keeps a sample at the head of a room's history, unless that has one of the same slot of time or later.
-- KEYS[1]  list, newest first; each sample begins with its time, 8 bytes, big-endian, ms since the epoch
-- ARGV[1]  the sample   ARGV[2]  length of a slot, ms   ARGV[3]  samples kept   ARGV[4]  kept so long, s
-- Answers 1 if it was kept, else 0.

local function slot(sample)
  local high, low = struct.unpack('>I4I4', sample)
  return math.floor((high * 4294967296 + low) / ARGV[2])
end

local last = redis.call('LINDEX', KEYS[1], 0)
if last and slot(last) >= slot(ARGV[1]) then return 0 end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
