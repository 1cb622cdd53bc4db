-- Corrects entries of the due index that the caller found wrong, if they are still as the caller saw them.
-- KEYS: 1 due index. ARGV: triples of digest, the time seen, and the right time ('' to remove).
for i = 1, #ARGV, 3 do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if seen and tonumber(seen) == tonumber(ARGV[i + 1]) then
    if ARGV[i + 2] == '' then
      redis.call('ZREM', KEYS[1], ARGV[i])
    else
      redis.call('ZADD', KEYS[1], ARGV[i + 2], ARGV[i])
    end
  end
end
return 1
