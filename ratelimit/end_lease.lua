-- Ends a lease and gives back what its holder did not use. Follows algorithms.lua.
--
-- KEYS[1]    state of the counter
-- KEYS[2]    the lease
-- KEYS[3]    there if the counter was reset while leases of before may be out
-- ARGV[1]    now, us since the epoch; "" = this server's TIME
-- ARGV[2]    policy, see algorithms.lua
-- ARGV[3]    unused units
-- returns    units given back, units that the lease had; 0 and 0 when it has ended already
--
-- Units whose time has passed meanwhile do not come back: the counter has forgotten them by itself. After a
-- reset none do.

local held = call('GET', KEYS[2])
if not held then return { 0, 0 } end
local granted, mark = string.match(held, '^(%d+):(%d+)$')
call('DEL', KEYS[2])
if call('EXISTS', KEYS[3]) == 1 then return { 0, tonumber(granted) } end
local p = policy_of(ARGV[2])
local st = p.open(p, call('GET', KEYS[1]))
local n = p.undo(p, st, tonumber(mark), min(tonumber(ARGV[3]), tonumber(granted)))
if n > 0 then keep(KEYS[1], p, st) end
return { n, tonumber(granted) }
