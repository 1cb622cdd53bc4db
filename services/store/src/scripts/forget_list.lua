-- Takes an agent's list off the registry when it is empty.
-- KEYS: 1 registry, 2 the list. Returns 1 if it was taken off.
if redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
return redis.call('ZREM', KEYS[1], KEYS[2])
