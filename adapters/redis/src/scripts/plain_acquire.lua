-- The lease over a plain text, which holds no counter: the fence is the time
-- of the server in microseconds.
--
-- KEYS: text, lease. ARGV: owner, time to live in ms, sum of the text that the
-- owner saw at its first try (or nothing).
--
-- MOVED; BUSY, ms left, sum; GOT, fence: as in `acquire.lua`, without the
-- text.
local sum = redis.sha1hex(redis.call('GET', KEYS[1]) or '')
local lease = redis.call('GET', KEYS[2])
if is_of(lease, ARGV[1]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return {'GOT', string.sub(lease, #ARGV[1] + 2)}
end
if ARGV[3] ~= '' and sum ~= ARGV[3] then
  return {'MOVED'}
end
if lease then
  return {'BUSY', redis.call('PTTL', KEYS[2]), sum}
end
local time = redis.call('TIME')
local fence = time[1] .. string.format('%06d', time[2])
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. fence, 'PX', ARGV[2])
return {'GOT', fence}
