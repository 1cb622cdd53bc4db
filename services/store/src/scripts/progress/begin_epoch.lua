-- Begins a new epoch of a copy of the record of progress, unless someone else has ended the old one already.
-- KEYS: 1 copy. ARGV: 1 name of the old epoch, 2 name of the new one, then fields and values of what is known in it.
-- Returns 1 if it was begun, 0 if not.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 0
end
local here = identity()
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'identity', here)
for position = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[position], ARGV[position + 1])
end
return 1
