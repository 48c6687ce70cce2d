-- ACQUIRE: gives the lease to one owner at a time.
--
-- KEYS: record, lease. ARGV: owner, time to live in ms, stamp that the owner
-- saw at its first try (or nothing).
--
-- MOVED, record: the record was replaced since the first try; no lease.
-- BUSY, ms left, stamp: somebody else has it.
-- GOT, fence, record: it is the owner's. Asked again by the same owner, whose
-- answer was lost, it gives the same fence. Counting the fence also shows that
-- the store can be written, before a token is spent.
local f = read(KEYS[1])
if foreign(f) then
  return {'SCHEMA', f[1]}
end
local lease = redis.call('GET', KEYS[2])
if is_of(lease, ARGV[1]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return {'GOT', string.sub(lease, #ARGV[1] + 2), f}
end
if ARGV[3] ~= '' and stamp(f) ~= ARGV[3] then
  return {'MOVED', f}
end
if lease then
  return {'BUSY', redis.call('PTTL', KEYS[2]), stamp(f)}
end
redis.call('HINCRBY', KEYS[1], 'fence', 1)
local fence = redis.call('HGET', KEYS[1], 'fence')
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. fence, 'PX', ARGV[2])
return {'GOT', fence, f}
