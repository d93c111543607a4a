-- The same decision for many keys in one call, each key by itself, in order (GET and SET a key, so that a
-- key that is named twice is decided twice).
-- KEYS[i] theoretical arrival time, us; ARGV[1] emission interval, us; ARGV[2] burst tolerance, us
-- returns for each key three values: allowed 1|0, remaining us of tolerance, reset_after us
local call, ceil = redis.call, math.ceil
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local answers, at = {}, 0
for i = 1, #KEYS do
  local key = KEYS[i]
  local tat = tonumber(call('GET', key) or now)
  if tat < now then tat = now end
  local new = tat + interval
  if new - now > tolerance then
    answers[at + 1], answers[at + 2], answers[at + 3] = 0, 0, tat - now
  else
    call('SET', key, new, 'PX', ceil((new - now) / 1000) + 1)
    answers[at + 1], answers[at + 2], answers[at + 3] = 1, tolerance - (new - now), new - now
  end
  at = at + 3
end
return answers
