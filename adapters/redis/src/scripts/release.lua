-- RELEASE: gives a lease back, if it is still the owner's: a stale owner never
-- releases its successor's.
--
-- KEYS: lease. ARGV: channel, owner.
if is_of(redis.call('GET', KEYS[1]), ARGV[2]) then
  redis.call('DEL', KEYS[1])
  tell(ARGV[1], 'free')
end
return {'DONE'}
