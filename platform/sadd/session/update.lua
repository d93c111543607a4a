-- Replaces a session's payload if nobody did meanwhile; counts as a use. KEYS and ARGV[1] as in record.lua.
--
-- ARGV[2]  version that the new payload was made from
-- ARGV[3]  service, subject and payload, each as record.py packs it
-- returns  {record, now ms}, nil when there is no such session, or the version that is there, when another

local record, _, absolute, idle, touch = alive()
if not record then return nil end
local version = struct.unpack('>I4', record, 34)
if version ~= tonumber(ARGV[2]) then return version end
local head = string.sub(record, 1, 1) .. struct.pack('>I6', now) .. string.sub(record, 8, 33)
local updated = head .. struct.pack('>I4', version + 1) .. ARGV[3]
redis.call('SET', KEYS[1], updated, 'PX', ttl(now, absolute, idle, touch))
return {updated, now}
