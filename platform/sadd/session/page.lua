-- A page of a subject's living sessions.
--
-- KEYS[1]  the subject; ARGV[1..3] as in record.lua
-- ARGV[4]  how many to pass over      ARGV[5]  how many at most
-- returns  {now ms, digest, record, digest, record …}, that with the earliest absolute end first

of_subject(KEYS[1])
if not generation then return {'foreign', now, run, 1} end
local page = {now}
if ARGV[4] == '0' then living(HEAD_BYTES - 1) end
for _, digest in ipairs(redis.call('ZRANGE', SUBJECT, 1 + ARGV[4], ARGV[4] + ARGV[5])) do
  local record = redis.call('GET', PREFIX .. digest)
  if alive(record) then
    page[#page + 1] = digest
    page[#page + 1] = record
  end
end
return page
