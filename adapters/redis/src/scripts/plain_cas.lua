-- Replaces a text that is known byte for byte; a time to live stays.
--
-- KEYS: text, lease. ARGV: channel, text that is expected (or nothing for
-- none), new text, owner of the lease (or nothing).
--
-- CONFLICT, text: another one is there. DONE: written, or it was before, and
-- the lease given back if it is the owner's.
local there = redis.call('GET', KEYS[1]) or ''
local lease = redis.call('GET', KEYS[2])
if there ~= ARGV[3] then
  if there ~= ARGV[2] then
    return {'CONFLICT', there}
  end
  redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
end
if is_of(lease, ARGV[4]) then
  redis.call('DEL', KEYS[2])
end
tell(ARGV[1], 'text')
return {'DONE'}
