-- Sets entries of the due index right that were corrected some time ago, and forgets the notes of that, unless they were
-- corrected anew.
-- KEYS: 1 due index, 2 notes. ARGV: triples of digest, the time of the note, and the right time of the entry ('' for none).
for i = 1, #ARGV, 3 do
  if ARGV[i + 2] ~= '' then
    redis.call('ZADD', KEYS[1], 'LT', ARGV[i + 2], ARGV[i])
  end
  local noted = redis.call('ZSCORE', KEYS[2], ARGV[i])
  if noted and tonumber(noted) == tonumber(ARGV[i + 1]) then
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return 1
