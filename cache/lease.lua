-- Looks one entry up, and gives the right to load it to one asker if it is not fresh.
--
-- KEYS[1], ARGV[1..2]  see namespace.lua
-- KEYS[2]  the entry   KEYS[3]  its lease
-- ARGV[3]  ms from now to the lease's end
-- ARGV[4]  1 = also while the entry is fresh
-- ARGV[5]  the asker: a lease that it has already is given again (the same call, repeated)
-- returns  {now ms, verdict, entry or nil, ms drawn forward, token or 0, another's lease ends ms or 0,
--           everybody may load until ms or 0}

settle()
local entry = redis.call('GET', KEYS[2])
local verdict, sooner = judged(entry)
local function answer(token, ends, till)
  return done({now, verdict, SERVED[verdict] and entry or false, sooner, token, ends, till})
end

if verdict == 'fresh' and ARGV[4] ~= '1' then return answer(0, 0, 0) end
local token, ends, asker, _, till = lease(KEYS[3])
if till > 0 then return answer(tick(), 0, till) end
if token > 0 and asker == ARGV[5] then return answer(token, 0, 0) end
if token > 0 then return answer(0, ends, 0) end
token, ends = tick(), now + ARGV[3]
redis.call('SET', KEYS[3], text(token) .. ':' .. text(ends) .. ':' .. ARGV[5], 'PX', ARGV[3] + linger_ms)
return answer(token, 0, 0)
