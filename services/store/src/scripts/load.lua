-- Reads a conversation at one moment. A script, because a server that is out of memory refuses transactions, even those
-- that only read.
-- KEYS: 1 summary hash, 2 log list. ARGV: 1 position of the first entry wanted.
-- Returns {version, number of entries, encoded summary, token} and the encoded entries.
return {redis.call('HMGET', KEYS[1], 'v', 'n', 's', 't'), redis.call('LRANGE', KEYS[2], ARGV[1], -1)}
