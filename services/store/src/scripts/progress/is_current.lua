-- KEYS: 1 copy of the record of progress. ARGV: 1 epoch.
-- Returns whether the epoch is still the copy's, on the server on which it began: 1 or 0.
return is_of(ARGV[1], KEYS[1]) and 1 or 0
