-- Ends all sessions of a subject at once: those made under an older generation are no longer alive.
--
-- KEYS[1]  the subject; ARGV[1..3] as in record.lua
-- ARGV[4]  the generation from now on; 0 = the next. When there is as high a one already this was done before
-- ARGV[5]  digest of one that goes on, or ""
-- returns  the generation

of_subject(KEYS[1])
local raised = tonumber(ARGV[4])
if raised == 0 then raised = held_generation + 1 end
if raised <= held_generation then return held_generation end
-- Of a subject that was not completed for this run the number is kept, for whoever is about to complete it.
local of_run = state and string.sub(state, 1, RUN_BYTES) or NO_RUN
local kept_until = 0
if ARGV[5] ~= '' and generation then
  local lives, _, absolute = alive(redis.call('GETRANGE', PREFIX .. ARGV[5], 0, HEAD_BYTES - 1))
  if lives then
    redis.call('SETRANGE', PREFIX .. ARGV[5], 29, struct.pack('>I6', raised))
    kept_until = absolute
  end
end
redis.call('UNLINK', SUBJECT)
set_state(of_run, raised)
if kept_until > 0 then redis.call('ZADD', SUBJECT, kept_until, ARGV[5]) end
subject_lives(kept_until)
return raised
