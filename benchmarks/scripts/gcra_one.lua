-- One GCRA decision for one key, as plain as it can be written: the script that clients are compared with.
-- KEYS[1] theoretical arrival time, us; ARGV[1] emission interval, us; ARGV[2] burst tolerance, us
-- returns allowed 1|0, remaining us of tolerance, reset_after us
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
if tat < now then tat = now end
local new = tat + interval
if new - now > tolerance then return {0, 0, tat - now} end
redis.call('SET', KEYS[1], new, 'PX', math.ceil((new - now) / 1000) + 1)
return {1, tolerance - (new - now), new - now}
