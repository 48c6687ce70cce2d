-- CLEAR: ends the session of an epoch and all before it.
--
-- KEYS: record, lease. ARGV: channel, epoch.
--
-- STAMP, epoch, version: of the record that is there now; that of a later
-- epoch is left alone. The counter of fences stays.
local f = read(KEYS[1])
if foreign(f) then
  return {'SCHEMA', f[1]}
end
if not less(ARGV[2], f[2] or '0') then
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('HSET', KEYS[1], 'schema', '1', 'state', 'empty', 'cfence', '0')
  redis.call('HDEL', KEYS[1], 'presented', 'record')
  redis.call('DEL', KEYS[2])
  f = read(KEYS[1])
  tell(ARGV[1], stamp(f))
end
return {'STAMP', f[2], f[3]}
