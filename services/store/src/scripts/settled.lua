-- The conversations whose entries in the due index were corrected at least some time ago, oldest first.
-- KEYS: 1 notes. ARGV: 1 how long ago in ms, 2 how many.
-- Returns digests and times of correction.
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', until_ms), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
