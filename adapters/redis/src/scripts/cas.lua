-- CAS: replaces the record of one stamp by another.
--
-- KEYS: record, lease. ARGV: channel; epoch and version that are expected;
-- epoch, version, state, fence, mark and text of the new record (the last two
-- may be nothing); owner of the lease under which it was got (or nothing).
--
-- CONFLICT, record: another stamp is there; or one of the same epoch that was
-- got under a higher fence, which is a later answer of the server's and is
-- never overwritten by an earlier one.
-- DONE: written, the counter of fences raised to that of the record, and the
-- lease given back: the owner's, and anybody's if the epoch changes.
local f = read(KEYS[1])
if foreign(f) then
  return {'SCHEMA', f[1]}
end
local epoch, fence = ARGV[4], ARGV[7]
-- Before anything is written, as it fails where it is no text.
local lease = redis.call('GET', KEYS[2])
if stamp(f) ~= ARGV[2] .. ':' .. ARGV[3] then
  return {'CONFLICT', f}
end
local changes = epoch ~= (f[2] or '0')
if not changes and fence ~= '0' and less(fence, f[5] or '0') then
  return {'CONFLICT', f}
end
redis.call('HSET', KEYS[1], 'schema', '1', 'epoch', epoch, 'version', ARGV[5],
  'state', ARGV[6], 'cfence', fence, 'presented', ARGV[8], 'record', ARGV[9])
for at, field in pairs({[8] = 'presented', [9] = 'record'}) do
  if ARGV[at] == '' then
    redis.call('HDEL', KEYS[1], field)
  end
end
-- A fence of more digits was not counted here, and could not be counted on.
if #fence < 19 and less(redis.call('HGET', KEYS[1], 'fence') or '0', fence) then
  redis.call('HSET', KEYS[1], 'fence', fence)
end
if changes or is_of(lease, ARGV[10]) then
  redis.call('DEL', KEYS[2])
end
tell(ARGV[1], epoch .. ':' .. ARGV[5])
return {'DONE'}
