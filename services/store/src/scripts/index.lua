-- Brings the lists of one project up to date with a batch of conversations.
--
-- A conversation's place in the lists is its last activity. That grows as a rule, so a late repetition of an older update
-- changes nothing. It goes back, or ends, when spans move to another conversation; since an update cannot be told from a
-- late one by itself, one that would lower a place only says so. Whoever has looked at the conversation after that gives the
-- place that it saw, and the right one is set if it still stands there. Listings are served page by page while conversations move; so when one leaves a place at
-- which a running listing may still expect it, the place is noted, with the moments from which and until which it held.
-- Nothing is noted while nobody lists.
--
-- KEYS, all in the project's slot: 1 all, 2 epochs, 3 since, 4 past, 5 past:ends, 6 past:floor, 7 agents,
--   8-12 long:1 to long:5, then lists of agents.
-- ARGV: 1 retention in ms, 2 page_ttl in us, 3 most noted places, then for each conversation: digest, activity in us ('' for
--   one in which nothing stands), class of duration (0-5), the place to be corrected ('' to raise it), number of agents,
--   positions of their lists in KEYS.
-- Returns digest and place of those that stand above the given activity.
local ALL, EPOCHS, SINCE, PAST, PAST_ENDS, PAST_FLOOR, AGENTS = unpack(KEYS, 1, 7)
-- From here on KEYS are lists that live as long as the newest conversation in them.
local AGENTS_KEY = 7
local LONG_0, LONG_CLASSES = 7, 5
local TRIM_MAX = 256

local retention_ms = ARGV[1]
local page_ttl_us = tonumber(ARGV[2])
local noted_max = tonumber(ARGV[3])
local notes_ttl_ms = string.format('%.0f', 2 * page_ttl_us / 1000)

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local newest_epoch = tonumber(redis.call('ZREVRANGE', EPOCHS, 0, 0)[1] or '-1')
local is_listed = newest_epoch > now_us - page_ttl_us
-- Later than every listing, even when the clock was set back.
local moment = math.max(now_us, newest_epoch + 1)

-- Lua shows large numbers in powers of ten unless told otherwise.
local function text(number)
  return string.format('%.0f', number)
end

local function note_move(digest, place)
  local from = tonumber(redis.call('ZSCORE', SINCE, digest) or '0')
  local till = math.max(moment, from + 1)
  if place and newest_epoch >= from then
    local member = digest .. ':' .. text(from) .. ':' .. text(till)
    redis.call('ZADD', PAST, place, member)
    redis.call('ZADD', PAST_ENDS, text(till), member)
  end
  redis.call('ZADD', SINCE, text(till), digest)
end

-- A conversation gets longer as a rule. One that has just moved up is newer than all that was known of it, so its class is
-- at least the one in which it stands; any other may be a late repetition. In a class that is too high it is found all the
-- same, in one that is too low it is not.
local function update_long(digest, place, class, is_known, has_moved)
  if class == 0 then
    return
  end
  local present = 0
  if is_known then
    for candidate = has_moved and class or LONG_CLASSES, 1, -1 do
      if redis.call('ZSCORE', KEYS[LONG_0 + candidate], digest) then
        present = candidate
        break
      end
    end
  end
  if present > 0 and present < class then
    redis.call('ZREM', KEYS[LONG_0 + present], digest)
  end
  redis.call('ZADD', KEYS[LONG_0 + math.max(class, present)], place, digest)
end

-- Sets a place right. Lists of agents that are not given are left: what stands there at another place is passed over.
local function correct(digest, known, place, class)
  if is_listed then
    note_move(digest, known)
  end
  for candidate = 1, LONG_CLASSES do
    redis.call('ZREM', KEYS[LONG_0 + candidate], digest)
  end
  if place == '' then
    redis.call('ZREM', ALL, digest)
    return
  end
  redis.call('ZADD', ALL, place, digest)
  if class > 0 then
    redis.call('ZADD', KEYS[LONG_0 + class], place, digest)
  end
end

-- The place at which it stands after that, nil for none.
local function raise(digest, known, place, class)
  local has_moved = not known or tonumber(place) > tonumber(known)
  if has_moved then
    if is_listed then
      note_move(digest, known)
    end
    redis.call('ZADD', ALL, place, digest)
  else
    place = known
  end
  update_long(digest, place, class, known, has_moved)
  return place
end

local function raise_floor(members_and_moments)
  if #members_and_moments == 0 then
    return
  end
  -- Listings that began before this may miss a conversation: they go on by present places.
  local floor = math.max(tonumber(redis.call('GET', PAST_FLOOR) or '0'), tonumber(members_and_moments[#members_and_moments]))
  redis.call('SET', PAST_FLOOR, text(floor), 'PX', notes_ttl_ms)
end

local function trim_notes()
  local expired = '(' .. text(now_us - page_ttl_us)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', SINCE, '-inf', expired, 'LIMIT', 0, TRIM_MAX)) do
    redis.call('ZREM', SINCE, member)
  end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', PAST_ENDS, '-inf', expired, 'LIMIT', 0, TRIM_MAX)) do
    redis.call('ZREM', PAST_ENDS, member)
    redis.call('ZREM', PAST, member)
  end
  if redis.call('ZCARD', SINCE) > noted_max then
    raise_floor(redis.call('ZPOPMIN', SINCE, TRIM_MAX))
  end
  if redis.call('ZCARD', PAST_ENDS) > noted_max then
    local oldest = redis.call('ZPOPMIN', PAST_ENDS, TRIM_MAX)
    raise_floor(oldest)
    for i = 1, #oldest, 2 do
      redis.call('ZREM', PAST, oldest[i])
    end
  end
  for _, key in ipairs({SINCE, PAST, PAST_ENDS}) do
    redis.call('PEXPIRE', key, notes_ttl_ms)
  end
end

local too_high = {}
local next_arg = 4
while next_arg <= #ARGV do
  local digest, place, class, seen, agents = unpack(ARGV, next_arg, next_arg + 4)
  next_arg = next_arg + 5

  local known = redis.call('ZSCORE', ALL, digest)
  -- nil where it stands in no list afterwards, or not where the caller thought.
  local stands_at = nil
  if seen ~= '' then
    if known and tonumber(known) == tonumber(seen) then
      correct(digest, known, place, tonumber(class))
      stands_at = place ~= '' and place or nil
    end
  else
    if known and (place == '' or tonumber(place) < tonumber(known)) then
      too_high[#too_high + 1] = digest
      too_high[#too_high + 1] = text(tonumber(known))
    end
    if place ~= '' then
      stands_at = raise(digest, known, place, tonumber(class))
    end
  end

  for _ = 1, tonumber(agents) do
    local list = KEYS[tonumber(ARGV[next_arg])]
    next_arg = next_arg + 1
    if stands_at and redis.call('ZADD', list, stands_at, digest) == 1 then
      redis.call('ZADD', AGENTS, text(now_us), list)
    end
  end
end

redis.call('PEXPIRE', ALL, retention_ms)
for i = AGENTS_KEY, #KEYS do
  redis.call('PEXPIRE', KEYS[i], retention_ms)
end
if is_listed then
  trim_notes()
end
return too_high
