-- Puts one entry, born now.
--
-- KEYS[1]  the entry
-- ARGV[1]  now, ms since the epoch; "" = this server's TIME
-- ARGV[2]  ms from birth to soft expiry
-- ARGV[3]  ms from birth to hard expiry
-- ARGV[4]  length of the content type (1 byte), content type, body
-- returns  born, ms since the epoch
--
-- stored: version (1 byte), born, soft, hard (6 bytes each, big-endian ms), then ARGV[4]

local now = tonumber(ARGV[1])
local linger_ms = 60000 -- with a passed time the server's own clock must not end the entry early
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  linger_ms = 1
end
local head = struct.pack('>I1I6I6I6', 1, now, now + ARGV[2], now + ARGV[3])
redis.call('SET', KEYS[1], head .. ARGV[4], 'PX', ARGV[3] + linger_ms)
return now
