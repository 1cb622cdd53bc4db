-- Sets fields of a hash that must not grow beyond a bound, and starts its expiry anew.
-- KEYS: 1 hash. ARGV: 1 most fields, 2 expiry in ms, then pairs of field and value.
local room = tonumber(ARGV[1]) - redis.call('HLEN', KEYS[1])
for i = 3, #ARGV, 2 do
  if room > 0 or redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    room = room - redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
