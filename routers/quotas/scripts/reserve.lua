-- ARGV: id, lease; enters (0 or 1), interval, burst, concurrent; tokens, their limit; money, its budget; hard (0 or 1).
-- A limit of -1 is none. Takes a place and sets the amounts aside, or nothing of it.
-- Returns: what was refused or '', wait or -1, the hold or '', requests ahead, tokens in the window, slot, now.
local id, microseconds = ARGV[1], tonumber(ARGV[2])
local enters, interval, burst, concurrent = ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local tokens, token_limit = tonumber(ARGV[7]), tonumber(ARGV[8])
local money, budget, hard = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]

local function until_free()
  local left = account.window
  if tokens > token_limit then return -1 end
  for slot = account.slot - SLOTS + 1, account.slot do
    left = left - slot_tokens(slot)
    if left + tokens <= token_limit then return (slot + SLOTS) * SLOT - now end
  end
  return SLOTS * SLOT
end

turn()
local arrival = math.max(account.arrival, now)
if enters and concurrent >= 0 and redis.call('ZCARD', PLACES) >= concurrent then
  return answer('concurrent', SECOND, '')
end
if enters and interval >= 0 then
  local early = arrival - now - (burst - 1) * interval
  if early > 0 then return answer('requests', early, '') end
end
if token_limit >= 0 and account.window + tokens > token_limit then return answer('tokens', until_free(), '') end
if budget >= 0 and money > 0 then
  if money > budget then return answer('budget', -1, '') end
  if account.spent + money > budget then return answer('budget', (account.day + 1) * DAY - now, '') end
  if account.spent + account.held + money > budget then return answer('busy', SECOND, '') end
end

if enters and interval >= 0 then add('arrival', arrival + interval - account.arrival) end
if enters and concurrent >= 0 then lease(PLACES, id, microseconds) end
local hold = ''
if token_limit >= 0 or budget >= 0 then
  hold = hold_of(id, hard, tokens, money)
  add_tokens(account.slot, tokens)
  add('held', money)
  lease(HOLDS, hold, microseconds)
end
return answer('', -1, hold)
