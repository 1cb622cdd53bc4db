-- The next places of one project's list, newest activity first, as they were when the listing began.
--
-- The first page names the moment; the project keeps it as an epoch, and later pages of the listing are answered as of
-- the first epoch at or after that moment. A conversation that has moved since is shown at its noted place and skipped
-- at its present one; one that has come since is skipped. Where the notes do not reach back to the epoch, present places
-- are given.
--
-- KEYS, all in the project's slot: 1 epochs, 2 past:floor, 3 since, 4 past, 5 all, then lists of agents, then others.
-- ARGV: 1 moment of the listing in us, 2 whether to keep it as an epoch ('never', 'unfinished', 'always'),
--   3 activity and 4 digest of the place after which to go on ('' from the top), 5 how many places,
--   6 lowest activity ('' for all), 7 page_ttl in us, 8 number of lists of agents to which conversations are restricted,
--   then for each list to read: its position in KEYS, highest activity ('' for any), lowest activity ('' for any).
-- Returns {'1' if there is nothing more, activity and digest up to which all was looked at, then digest and activity
--   of each place}.
local EPOCHS, PAST_FLOOR, SINCE, PAST, ALL = unpack(KEYS, 1, 5)
local AGENTS_0 = 5
local DIGEST_LENGTH = 32
local AFTER_ANY_DIGEST = '~'
-- Of one project within page_ttl; beyond it the oldest listings go on by present places.
local EPOCHS_MAX = 20000

local moment, keep_epoch = tonumber(ARGV[1]), ARGV[2]
local after_activity, after_digest = tonumber(ARGV[3]), ARGV[4]
local limit = tonumber(ARGV[5])
local bottom = tonumber(ARGV[6])
local page_ttl_us = tonumber(ARGV[7])
local agents = tonumber(ARGV[8])

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]

local function text(number)
  return string.format('%.0f', number)
end

-- The epoch to answer for, nil for the present; and whether it still has to be kept.
local function choose_epoch()
  if moment <= now_us - page_ttl_us or moment < tonumber(redis.call('GET', PAST_FLOOR) or '0') then
    return nil, false
  end
  local kept = redis.call('ZRANGEBYSCORE', EPOCHS, text(moment), '+inf', 'LIMIT', 0, 1)[1]
  if kept then
    return tonumber(kept), false
  end
  if keep_epoch == 'never' then
    return nil, false
  end
  return math.max(now_us - 1, moment), true
end

local epoch, is_new_epoch = choose_epoch()

-- How many members of the list stand before the first one that comes after the given place.
local function rank_after(list, activity, digest)
  local above = redis.call('ZCOUNT', list, '(' .. text(activity), '+inf')
  local low, high = 0, redis.call('ZCOUNT', list, text(activity), text(activity))
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = redis.call('ZREVRANGE', list, above + middle, above + middle)[1]
    if string.sub(member, 1, DIGEST_LENGTH) >= digest then
      low = middle + 1
    else
      high = middle
    end
  end
  return above + low
end

local function comes_before(a, b)
  if a.activity ~= b.activity then
    return a.activity > b.activity
  end
  return a.member > b.member
end

-- Of the lists with more to read, the highest place at which reading stopped: below it the merge is incomplete.
local horizon = nil
local found = {}

local function read(list, highest, lowest)
  local first = 0
  if after_activity and (not highest or after_activity <= highest) then
    first = rank_after(list, after_activity, after_digest)
  elseif highest then
    first = rank_after(list, highest, AFTER_ANY_DIGEST)
  end
  -- One more than is wanted tells whether there is more.
  local members = redis.call('ZREVRANGE', list, first, first + limit, 'WITHSCORES')
  local last = nil
  for i = 1, math.min(#members, 2 * limit), 2 do
    last = {member = members[i], activity = tonumber(members[i + 1]), list = list}
    if lowest and last.activity < lowest then
      return
    end
    found[#found + 1] = last
  end
  if #members > 2 * limit and (not horizon or comes_before(last, horizon)) then
    horizon = last
  end
end

local function has_agent(digest)
  for i = 1, agents do
    if redis.call('ZSCORE', KEYS[AGENTS_0 + i], digest) then
      return true
    end
  end
  return agents == 0
end

local function stood_there(place)
  if place.list == PAST then
    local digest, from, till = string.match(place.member, '^(%x+):(%d+):(%d+)$')
    return tonumber(from) <= epoch and epoch < tonumber(till) and has_agent(digest)
  end
  local since = epoch and redis.call('ZSCORE', SINCE, place.member)
  if since and tonumber(since) > epoch then
    return false
  end
  -- A list of an agent or of long conversations may lag behind in odd cases; the list of all decides.
  return place.list == ALL
    or (tonumber(redis.call('ZSCORE', ALL, place.member)) == place.activity and has_agent(place.member))
end

for i = 9, #ARGV, 3 do
  local lowest = tonumber(ARGV[i + 2]) or bottom
  if bottom and lowest < bottom then
    lowest = bottom
  end
  read(KEYS[tonumber(ARGV[i])], tonumber(ARGV[i + 1]), lowest)
end
if epoch then
  read(PAST, nil, bottom)
end
table.sort(found, comes_before)

local answer = {'', '', ''}
local scanned, count, is_done = horizon, 0, not horizon
local previous = ''
for _, place in ipairs(found) do
  if count == limit then
    is_done = false
    break
  end
  if horizon and comes_before(horizon, place) then
    scanned = horizon
    break
  end
  scanned = place
  local digest = string.sub(place.member, 1, DIGEST_LENGTH)
  if digest ~= previous and stood_there(place) then
    previous = digest
    count = count + 1
    answer[#answer + 1] = digest
    answer[#answer + 1] = text(place.activity)
  end
end

if is_new_epoch and (not is_done or (keep_epoch == 'always' and count > 0)) then
  -- A server that refuses writes still lists; later pages are then by present places.
  redis.pcall('ZREMRANGEBYSCORE', EPOCHS, '-inf', text(now_us - page_ttl_us))
  redis.pcall('ZREMRANGEBYRANK', EPOCHS, 0, -EPOCHS_MAX)
  redis.pcall('ZADD', EPOCHS, text(epoch), text(epoch))
  redis.pcall('PEXPIRE', EPOCHS, text(2 * page_ttl_us / 1000))
end
if is_done then
  answer[1] = '1'
end
if scanned then
  answer[2] = text(scanned.activity)
  answer[3] = string.sub(scanned.member, 1, DIGEST_LENGTH)
end
return answer
