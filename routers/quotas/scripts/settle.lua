-- ARGV: the place's id or '', the hold or '', tokens and money taken.
-- Gives back the place and books the hold, each once: what is gone has been settled, or its lease has ended.
-- Returns: '', -1, '', requests ahead, tokens in the window, slot, now.
turn()
if ARGV[1] ~= '' then redis.call('ZREM', PLACES, ARGV[1]) end
if ARGV[2] ~= '' and redis.call('ZREM', HOLDS, ARGV[2]) == 1 then
  book(ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
end
return answer('', -1, '')
