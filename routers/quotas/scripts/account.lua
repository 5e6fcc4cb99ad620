-- One tenant's account in Redis: the arithmetic of routers/quotas/accounts.py. Stands before each of the scripts.
-- KEYS: the account (a hash), places taken and amounts held (sorted sets by the end of their lease, so that those of a
-- router that died come back). Times are microseconds of Redis' own clock, money is microdollars.
local ACCOUNT, PLACES, HOLDS = KEYS[1], KEYS[2], KEYS[3]
local SECOND, SLOT, SLOTS, DAY = 1000000, 5000000, 13, 86400000000
local KEPT_SECONDS = 2 * 86400
local MOST_ENDED = 100 -- leases looked at in one go: the rest waits for the next

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * SECOND + tonumber(clock[2])

local FIELDS = { 'arrival', 'slot', 'day', 'window', 'spent', 'held' }
local account, changed = {}, false
for index, value in ipairs(redis.call('HMGET', ACCOUNT, unpack(FIELDS))) do
  account[FIELDS[index]] = tonumber(value or '0')
end

local function whole(number) -- without this Lua writes large ones as 1.7e+15
  return string.format('%.0f', number)
end

local function add(name, number)
  account[name] = account[name] + number
  changed = true
end

-- The tokens of one slot are a field of their own: most runs need none or one of the thirteen.
local function slot_tokens(slot)
  return tonumber(redis.call('HGET', ACCOUNT, 's' .. slot % SLOTS) or '0')
end

local function add_tokens(slot, tokens)
  if tokens ~= 0 then
    redis.call('HINCRBY', ACCOUNT, 's' .. slot % SLOTS, whole(tokens))
    add('window', tokens)
  end
end

-- To be called last: writes down what has changed.
local function save()
  if not changed then return end
  local words = {}
  for _, name in ipairs(FIELDS) do
    words[#words + 1] = name
    words[#words + 1] = whole(account[name])
  end
  redis.call('HSET', ACCOUNT, unpack(words))
  redis.call('EXPIRE', ACCOUNT, KEPT_SECONDS)
end

local function lease(set, member, microseconds)
  redis.call('ZADD', set, whole(now + microseconds), member)
  redis.call('EXPIRE', set, KEPT_SECONDS)
end

local function hold_of(id, hard, tokens, money)
  return table.concat({ id, hard, whole(tokens), whole(money), whole(account.slot), whole(account.day) }, '|')
end

-- Book what was taken in place of what was held.
local function book(hold, taken_tokens, taken_money)
  local hard, tokens, money, slot, day = hold:match('^[^|]*|(%d)|(%d+)|(%d+)|(%d+)|(%d+)$')
  tokens, money, slot, day = tonumber(tokens), tonumber(money), tonumber(slot), tonumber(day)
  if taken_tokens == nil then -- nobody knows: under a hard quota all of it, else nothing
    taken_tokens, taken_money = tokens * tonumber(hard), money * tonumber(hard)
  end
  local more = taken_tokens - tokens
  if account.slot - slot < SLOTS then
    add_tokens(slot, more)
  elseif more > 0 then
    add_tokens(account.slot, more)
  end
  if day == account.day then
    add('held', -money)
    add('spent', taken_money)
  end
end

-- Leave behind what is no longer in the window, yesterday, and leases that have ended.
local function turn()
  local slot, day = math.floor(now / SLOT), math.floor(now / DAY)
  for gone = account.slot + 1, math.min(slot, account.slot + SLOTS) do
    add('window', -slot_tokens(gone))
    redis.call('HDEL', ACCOUNT, 's' .. gone % SLOTS)
  end
  if slot > account.slot then add('slot', slot - account.slot) end
  if day > account.day then account.day, account.spent, account.held = day, 0, 0 end
  redis.call('ZREMRANGEBYSCORE', PLACES, '-inf', whole(now))
  for _, hold in ipairs(redis.call('ZRANGEBYSCORE', HOLDS, '-inf', whole(now), 'LIMIT', 0, MOST_ENDED)) do
    redis.call('ZREM', HOLDS, hold)
    book(hold, nil, nil)
  end
end

local function answer(what, wait, hold)
  save()
  local ahead = math.max(0, account.arrival - now)
  return { what, whole(wait), hold, whole(ahead), whole(account.window), whole(account.slot), whole(now) }
end
