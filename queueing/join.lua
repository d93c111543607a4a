-- Hands out the next numbers of a lane. When nobody waits and there is room and credit, the first of them are
-- admitted at once. Keys and arguments as in room.lua, then
-- ARGV[11] lane   ARGV[12] how many
-- returns {"joined", life, first, count, of these admitted, serving, issued, active, ends, now, left in the block};
--         count is less than asked for when the block is used up

if not known() then return {'foreign'} end
local lane, wanted = ARGV[11], tonumber(ARGV[12])
local held = redis.call('HMGET', ROOM, 'i:' .. lane, 't:' .. lane, 'waiting', 's:' .. lane)
local issued, top = tonumber(held[1]) or 0, tonumber(held[2]) or 0
local waiting, serving = tonumber(held[3]) or 0, tonumber(held[4]) or 0
local count = math.min(wanted, top - issued)
local first, admitted, inside = issued + 1, 0, 0

-- How many may come in at once: by the free slots, the stock, and the credit that the leader left.
local function at_once()
  inside = active()
  local totals = redis.call('HMGET', ROOM, 'due', 'claimed', 'at_once')
  local free = cap - inside - (tonumber(totals[1]) or 0)
  if stock >= 0 then free = math.min(free, stock - (tonumber(totals[2]) or 0) - (tonumber(totals[1]) or 0)) end
  local many = math.max(math.min(free, count), 0)
  if says('p') then return many end
  many = math.min(many, tonumber(totals[3]) or 0)
  add('at_once', -many)
  return many
end

if count > 0 then
  if waiting == 0 and not says('s') then admitted = at_once() end
  for number = first, first + admitted - 1 do admit(lane, number) end
  redis.call('HSET', ROOM, 'i:' .. lane, issued + count, 'waiting', waiting + count - admitted,
    's:' .. lane, serving + admitted)
  add('claimed', admitted)
end
return {'joined', tonumber(life), first, count, admitted, serving + admitted, issued + count, inside + admitted,
  now + pass, now, top - issued - count}
