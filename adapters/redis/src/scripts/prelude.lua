-- What every script over the record begins with.
--
-- The record is a hash. Its numbers are decimal texts and are compared as
-- such: a number of Lua's holds 53 bits, and these have 64.

-- Reads the record: schema, epoch, version, state, cfence, presented, record.
local function read(key)
  return redis.call('HMGET', key, 'schema', 'epoch', 'version', 'state', 'cfence', 'presented', 'record')
end

-- A record of another schema is left as it is.
local function foreign(f)
  return f[1] and f[1] ~= '1'
end

local function stamp(f)
  return (f[2] or '0') .. ':' .. (f[3] or '0')
end

local function less(a, b)
  return #a < #b or (#a == #b and a < b)
end

-- Tells whether a lease is an owner's: its text is `owner fence`.
local function is_of(lease, owner)
  return lease and owner ~= '' and string.sub(lease, 1, #owner + 1) == owner .. ' '
end

-- Wakes who waits. Who may not publish still writes: others poll.
local function tell(channel, text)
  redis.pcall('PUBLISH', channel, text)
end
