-- Ends all sessions of a subject at once: those made under an older generation are no longer alive.
--
-- KEYS[1]  generation of the subject
-- ARGV[1]  ms for which it is kept: as long as any session can live
-- returns  the new generation

local raised = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return raised
