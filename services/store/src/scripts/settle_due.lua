-- Corrects entries of the due index that the caller found wrong, if they are still as the caller saw them. Notes when, for
-- what was found may be lost, and is looked at again.
-- KEYS: 1 due index, 2 notes. ARGV: triples of digest, the time seen, and the right time ('' to remove).
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for i = 1, #ARGV, 3 do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if seen and tonumber(seen) == tonumber(ARGV[i + 1]) then
    if ARGV[i + 2] == '' then
      redis.call('ZREM', KEYS[1], ARGV[i])
    else
      redis.call('ZADD', KEYS[1], ARGV[i + 2], ARGV[i])
    end
    redis.call('ZADD', KEYS[2], now_ms, ARGV[i])
  end
end
return 1
