-- Gives partitions an owner in a copy of the record of progress. What is known of them stays.
-- KEYS: 1 copy. ARGV: 1 epoch, 2 owner, then the fields of the owners.
-- Returns 1, or 0 when the epoch is over or the server another: nothing was changed.
if not is_of(ARGV[1], KEYS[1]) then
  return 0
end
for position = 3, #ARGV do
  redis.call('HSET', KEYS[1], ARGV[position], ARGV[2])
end
return 1
