-- Passes on how breakers stand, and ends the claims that this instance has on them.
--
-- KEYS: the hash of what is passed on, the changes by number, the last number, when each is over; then a claim for each breaker
-- ARGV: this instance; then for each breaker its field, what is said of it, and for how many ms that is kept
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n = 5, #KEYS do
  local at = 2 + 3 * (n - 5)
  local number = redis.call('INCR', KEYS[3])
  redis.call('HSET', KEYS[1], ARGV[at], string.format('%.0f %.0f %s %s', now, now + tonumber(ARGV[at + 2]), ARGV[1], ARGV[at + 1]))
  redis.call('ZADD', KEYS[2], number, ARGV[at])
  redis.call('ZADD', KEYS[4], string.format('%.0f', now + tonumber(ARGV[at + 2])), ARGV[at])
  if redis.call('GET', KEYS[n]) == ARGV[1] then redis.call('DEL', KEYS[n]) end
end
local function forget(field)
  redis.call('HDEL', KEYS[1], field)
  redis.call('ZREM', KEYS[2], field)
  redis.call('ZREM', KEYS[4], field)
end
-- What is over goes, more of it than has come; and beyond a bound what was there longest.
for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', string.format('(%.0f', now), 'LIMIT', 0, #KEYS + 64)) do forget(field) end
local beyond = redis.call('ZCARD', KEYS[2]) - 20000
if beyond > 0 then
  for _, field in ipairs(redis.call('ZRANGE', KEYS[2], 0, math.min(beyond, 1000) - 1)) do forget(field) end
end
for n = 1, 4 do redis.call('PEXPIRE', KEYS[n], 40 * 24 * 3600 * 1000) end
return {1}
