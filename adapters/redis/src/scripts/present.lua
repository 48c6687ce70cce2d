-- PRESENT: writes down that the refresh token of a record is about to be
-- spent, or takes that back.
--
-- KEYS: record. ARGV: epoch and version of the record, mark (or nothing).
--
-- CONFLICT, record: another record is there. DONE: written.
local f = read(KEYS[1])
if foreign(f) then
  return {'SCHEMA', f[1]}
end
if stamp(f) ~= ARGV[1] .. ':' .. ARGV[2] then
  return {'CONFLICT', f}
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], 'presented')
else
  redis.call('HSET', KEYS[1], 'presented', ARGV[3])
end
return {'DONE'}
