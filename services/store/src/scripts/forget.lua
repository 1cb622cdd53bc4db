-- Takes a conversation that no longer exists out of its project's lists, unless it has meanwhile come to a new place.
-- KEYS: lists of one project. ARGV: 1 digest, 2 the place (activity) at which the caller met it.
for _, list in ipairs(KEYS) do
  local place = redis.call('ZSCORE', list, ARGV[1])
  if place and tonumber(place) == tonumber(ARGV[2]) then
    redis.call('ZREM', list, ARGV[1])
  end
end
return 1
