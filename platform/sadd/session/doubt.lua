-- The store must not speak for a subject until it is completed again. KEYS[1] the subject; ARGV[1..3] as in record.lua.

of_subject(KEYS[1])
if state then set_state(NO_RUN, held_generation) end
return 1
