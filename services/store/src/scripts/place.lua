-- Gives spans of a trace to a conversation, unless they were given to one before.
-- KEYS: 1 hash of the trace's links. ARGV: 1 most fields, 2 expiry in ms, then pairs of field and conversation id.
-- Returns the conversation of each, '' where there was no room to write it down.
local answers = {}
for i = 3, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known and redis.call('HLEN', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    known = ARGV[i + 1]
  end
  answers[#answers + 1] = known or ''
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return answers
