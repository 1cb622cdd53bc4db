-- Reads a copy of the record of progress. Begins its first epoch when it has none.
-- KEYS: 1 copy. ARGV: 1 name of the epoch to begin.
-- Returns whether the copy stands on the server on which its epoch began, the identity of the server, all fields.
local here = identity()
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'identity', here)
end
local is_intact = redis.call('HGET', KEYS[1], 'identity') == here
return {is_intact and 1 or 0, here, redis.call('HGETALL', KEYS[1])}
