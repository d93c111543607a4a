-- Takes in what the database knows of a subject; from then on this run of the server may speak for it.
--
-- KEYS[1]  the subject; ARGV[1..3] as in record.lua
-- ARGV[4]  when the database was about to be asked, ms, and    ARGV[5]  the run that was asked for
-- ARGV[6]  generation                                          ARGV[7]  digest that its revocation left alive, or ""
-- ARGV[8]  how many digests of revoked sessions follow, then those, then digest, record, digest, record … of the journal
-- returns  {1}, or {"foreign", …} when that was too long ago or of another run: to be read again

of_subject(KEYS[1])
if now - ARGV[4] > LATE_MS or ARGV[5] ~= run then return {'foreign', now, run, 1} end
generation = math.max(tonumber(ARGV[6]), held_generation)
set_state(run, generation)
local first_record = 9 + ARGV[8]
for at = 9, first_record - 1 do
  local key = PREFIX .. ARGV[at]
  if redis.call('EXISTS', key) == 1 then tomb(key, 0, '') end
  redis.call('ZREM', SUBJECT, ARGV[at])
end
local lives_until = 0
for at = first_record, #ARGV, 2 do
  local key, record = PREFIX .. ARGV[at], ARGV[at + 1]
  local here = redis.call('GET', key)
  -- The database knows a use to a quarter of the idle time: the later end of it, or now.
  local _, used = struct.unpack('>I1I6', record)
  record = string.sub(record, 1, 1) .. struct.pack('>I6', math.min(used, now)) .. string.sub(record, 8)
  local lives, noted, absolute, idle, touch = alive(record)
  if lives and not is_tomb(here) and (not here or version_of(here) < version_of(record)) then
    redis.call('SET', key, record, 'PX', ttl(noted, absolute, idle, touch))
    redis.call('ZADD', SUBJECT, absolute, ARGV[at])
    lives_until = math.max(lives_until, absolute)
  end
end
if ARGV[7] ~= '' and tonumber(ARGV[6]) == generation then
  local head = redis.call('GETRANGE', PREFIX .. ARGV[7], 0, HEAD_BYTES - 1)
  if #head == HEAD_BYTES and struct.unpack('>I6', head, 30) < generation then
    redis.call('SETRANGE', PREFIX .. ARGV[7], 29, struct.pack('>I6', generation))
  end
end
subject_lives(lives_until)
return {1}
