-- Adds members to a set that must not grow beyond a bound, and starts its expiry anew.
-- KEYS: 1 set. ARGV: 1 most members, 2 expiry in ms, then members.
local room = tonumber(ARGV[1]) - redis.call('SCARD', KEYS[1])
for i = 3, #ARGV do
  if room <= 0 then
    break
  end
  room = room - redis.call('SADD', KEYS[1], ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
