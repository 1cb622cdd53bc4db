-- Adds to the counts of spans of one kind.
-- KEYS: 1 hash of one project. Fields: 's:' spans, 'l:' LLM calls, 't:' last seen in ms, 'x:' an example's trace, each
--   with the name of the instrumentation.
-- ARGV: 1 most instrumentations, 2 name for the rest, 3 expiry in ms, then for each count: instrumentation, spans,
--   LLM calls, last seen in ms, trace ('' for none).
local FIELDS = 4
local function known(name)
  return redis.call('HEXISTS', KEYS[1], 's:' .. name) == 1
end

for i = 4, #ARGV, 5 do
  local name = ARGV[i]
  if not known(name) and redis.call('HLEN', KEYS[1]) >= FIELDS * tonumber(ARGV[1]) then
    name = ARGV[2]
  end
  redis.call('HINCRBY', KEYS[1], 's:' .. name, ARGV[i + 1])
  redis.call('HINCRBY', KEYS[1], 'l:' .. name, ARGV[i + 2])
  local seen = tonumber(redis.call('HGET', KEYS[1], 't:' .. name) or '0')
  if tonumber(ARGV[i + 3]) >= seen then
    redis.call('HSET', KEYS[1], 't:' .. name, ARGV[i + 3], 'x:' .. name, ARGV[i + 4])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
