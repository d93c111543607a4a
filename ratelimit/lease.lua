-- Lends a slice: takes units now, to be used by one holder until the lease ends. Follows algorithms.lua.
--
-- KEYS[1]    state of the counter
-- KEYS[2]    the lease: "<units>:<mark>", see undo in algorithms.lua; gone when ended or given back
-- ARGV[1]    now, us since the epoch; "" = this server's TIME
-- ARGV[2]    policy, see algorithms.lua
-- ARGV[3]    units wanted; granted are at most half of what is left, rounded up, so that others get some too
-- ARGV[4]    how long, ms; less when the counter's window ends before
-- ARGV[5]    the shortest lease worth having, ms
-- returns    granted units, remaining units, reset_after us, retry_after us (0 when granted, -1 when no
--            wait helps), how long ms
--
-- Asked twice for the same lease it grants once, and answers the same units again.

local p = policy_of(ARGV[2])
local st = p.open(p, call('GET', KEYS[1]))
local keep_ms = tonumber(ARGV[4])
if st.finish then keep_ms = min(keep_ms, floor(st.finish * 1000 - now / 1000)) end

local before = call('GET', KEYS[2])
if before then
  return { tonumber(string.match(before, '^%d+')), p.left(p, st), p.reset(p, st), 0, call('PTTL', KEYS[2]) }
end

local free = p.left(p, st)
local granted = min(tonumber(ARGV[3]), ceil(free / 2))
if granted <= 0 then return { 0, free, p.reset(p, st), p.wait(p, st, 1), 0 } end
if keep_ms < tonumber(ARGV[5]) then return { 0, free, p.reset(p, st), (keep_ms + 1) * 1000, 0 } end

p.add(p, st, granted)
keep(KEYS[1], p, st)
local mark = now + p.reset(p, st)
call('SET', KEYS[2], string.format('%.0f:%.0f', granted, mark), 'PX', keep_ms)
return { granted, p.left(p, st), p.reset(p, st), 0, keep_ms }
