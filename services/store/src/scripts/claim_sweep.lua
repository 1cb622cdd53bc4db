-- Gives the next part of sweeping to one of all who ask, a while after the last one.
-- KEYS: 1 sweep. ARGV: 1 how long after the last claim, in ms.
-- Returns nothing when it is too early, else {'1', project, number of the list in it}: where to go on, '' for not known.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local claimed_ms = tonumber(redis.call('HGET', KEYS[1], 'at') or '0')
-- A claim of a time to come is of before the clock was set back.
if claimed_ms <= now_ms and now_ms < claimed_ms + tonumber(ARGV[1]) then
  return {}
end
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', now_ms))
return {'1', redis.call('HGET', KEYS[1], 'p') or '', redis.call('HGET', KEYS[1], 'l') or '0'}
