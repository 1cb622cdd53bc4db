-- Adds one version to a conversation, unless another one was added first.
-- KEYS: 1 summary hash, 2 log list; both in the conversation's slot.
-- ARGV: 1 new version, 2 number of entries after it, 3 encoded summary, 4 retention in ms, 5 encoded entry (optional).
-- Returns {'done', version}, {'conflict', stored version} or {'corrupt', length that the log would have}.
-- The checks come before the first write: a script that Redis stops for want of memory has then changed nothing.
local version = tonumber(ARGV[1])
local stored = tonumber(redis.call('HGET', KEYS[1], 'v') or '0')
if stored ~= version - 1 then
  return {'conflict', stored}
end

local length = redis.call('LLEN', KEYS[2])
if ARGV[5] then
  length = length + 1
end
-- Eviction by the server may take one key and leave the other.
if length ~= tonumber(ARGV[2]) then
  return {'corrupt', length}
end

redis.call('HSET', KEYS[1], 'v', ARGV[1], 'n', ARGV[2], 's', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if ARGV[5] then
  redis.call('RPUSH', KEYS[2], ARGV[5])
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'done', version}
