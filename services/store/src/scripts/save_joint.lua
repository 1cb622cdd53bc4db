-- Changes what is known of one point of dialogues, unless someone else has changed it since it was read.
-- KEYS: 1 hash of the point. ARGV: 1 version read, 2 encoded value, 3 expiry in ms.
-- Returns 1 if it was written, 0 if not.
local stored = tonumber(redis.call('HGET', KEYS[1], 'v') or '0')
if stored ~= tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'v', stored + 1, 's', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
