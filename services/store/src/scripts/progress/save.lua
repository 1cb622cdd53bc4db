-- Records the progress of partitions in a copy of the record, of those that the owner has claimed.
-- KEYS: 1 copy. ARGV: 1 epoch, 2 owner, then for each partition the field of its owner, its field, and the value.
-- Returns {1, positions of the partitions that are another's, from 0}, or {0, {}} when the epoch is over or the server
-- another: nothing was changed.
if not is_of(ARGV[1], KEYS[1]) then
  return {0, {}}
end
local others = {}
for position = 3, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[position]) == ARGV[2] then
    redis.call('HSET', KEYS[1], ARGV[position + 1], ARGV[position + 2])
  else
    others[#others + 1] = (position - 3) / 3
  end
end
return {1, others}
