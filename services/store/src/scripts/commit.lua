-- Adds one version to a conversation or a trace, unless something else is stored than what it builds on.
-- KEYS: 1 summary hash, 2 log list; both in one slot.
-- ARGV: 1 new version, 2 number of entries after it, 3 encoded summary, 4 retention in ms, 5 token of the version it
-- builds on, 6 its own token, 7 encoded entry (optional), 8 'anew' where that entry takes the place of the whole log.
-- Returns {'done', version}, {'conflict', stored version} or {'corrupt', length that the log would have}.
-- The checks come before the first write: a script that Redis stops for want of memory has then changed nothing.
local version = tonumber(ARGV[1])
local found = redis.call('HMGET', KEYS[1], 'v', 't')
local stored = tonumber(found[1] or '0')
-- Tokens are compared as text: they have more bits than a number of Lua holds.
if stored ~= version - 1 or (found[2] or '0') ~= ARGV[5] then
  return {'conflict', stored}
end

local is_anew = ARGV[8] == 'anew'
local length = is_anew and 0 or redis.call('LLEN', KEYS[2])
if ARGV[7] then
  length = length + 1
end
-- Eviction by the server may take one key and leave the other.
if length ~= tonumber(ARGV[2]) then
  return {'corrupt', length}
end

redis.call('HSET', KEYS[1], 'v', ARGV[1], 't', ARGV[6], 'n', ARGV[2], 's', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if is_anew then
  redis.call('UNLINK', KEYS[2])
end
if ARGV[7] then
  redis.call('RPUSH', KEYS[2], ARGV[7])
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'done', version}
