-- Note that an agency has a namespace, unless it has as many as it may.
--
-- KEYS[1]  cache:{<agency>}:spaces, a set of the agency's namespaces
-- ARGV[1]  the namespace
-- ARGV[2]  how many there may be
--
-- Returns 1 when it is noted, 0 when there is no place.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then
  return 1
end
if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('SADD', KEYS[1], ARGV[1])
return 1
