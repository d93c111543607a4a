-- Makes a lease longer, or gives it back.
--
-- KEYS[1], ARGV[1..2]  see namespace.lua
-- KEYS[2]  the lease
-- ARGV[3]  token
-- ARGV[4]  ms from now to the lease's new end; 0 = give it back
-- ARGV[5]  when given back: for how many ms everybody may load, since what comes cannot be shared
-- ARGV[6]  the key
-- returns  1, or 0 when the lease is not the token's

settle()
local token, _, asker = lease(KEYS[2])
if token == 0 or token ~= tonumber(ARGV[3]) then return done(0) end
local longer_ms, open_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
if longer_ms > 0 then
  redis.call('SET', KEYS[2], text(token) .. ':' .. text(now + longer_ms) .. ':' .. asker, 'PX', longer_ms + linger_ms)
  return done(1)
end
if open_ms > 0 then
  redis.call('SET', KEYS[2], 'u:' .. text(tick()) .. ':' .. text(now + open_ms), 'PX', open_ms + linger_ms)
else
  redis.call('DEL', KEYS[2])
end
notice('r', token, ARGV[6])
return done(1)
