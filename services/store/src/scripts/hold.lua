-- Notes what traces of one project hold of spans without an id, and tells which hold too much together.
-- KEYS: 1 traces by when their first such span was recorded, 2 their bytes; both in the project's slot.
-- ARGV: 1 most bytes, 2 expiry in ms, 3 most traces to name, then for each trace: digest, bytes (0 for none), first record in ms.
-- Returns the traces beyond the bound, those that have waited longest first, with their bytes and first records.
-- A repetition changes nothing: the total goes by what was noted of the same trace before.
local TOTAL = 'total'
for i = 4, #ARGV, 3 do
  local trace, bytes = ARGV[i], tonumber(ARGV[i + 1])
  local known = tonumber(redis.call('HGET', KEYS[2], trace) or '0')
  redis.call('HINCRBY', KEYS[2], TOTAL, bytes - known)
  if bytes == 0 then
    redis.call('HDEL', KEYS[2], trace)
    redis.call('ZREM', KEYS[1], trace)
  else
    redis.call('HSET', KEYS[2], trace, bytes)
    redis.call('ZADD', KEYS[1], ARGV[i + 2], trace)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])

local excess = tonumber(redis.call('HGET', KEYS[2], TOTAL) or '0') - tonumber(ARGV[1])
local beyond = {}
if excess > 0 then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[3]) - 1, 'WITHSCORES')
  for i = 1, #oldest, 2 do
    local bytes = tonumber(redis.call('HGET', KEYS[2], oldest[i]) or '0')
    beyond[#beyond + 1] = {oldest[i], bytes, oldest[i + 1]}
    excess = excess - bytes
    if excess <= 0 then
      break
    end
  end
end
return beyond
