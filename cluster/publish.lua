-- Passes on how breakers stand, and ends the claims that this instance has on them.
--
-- KEYS: the hash of what is passed on, the changes by number, the last number; then a claim for each breaker
-- ARGV: this instance; then for each breaker its field, what is said of it, and for how many ms that is kept
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n = 4, #KEYS do
  local at = 2 + 3 * (n - 4)
  local number = redis.call('INCR', KEYS[3])
  redis.call('HSET', KEYS[1], ARGV[at], string.format('%.0f %.0f %s %s', now, now + tonumber(ARGV[at + 2]), ARGV[1], ARGV[at + 1]))
  redis.call('ZADD', KEYS[2], number, ARGV[at])
  if redis.call('GET', KEYS[n]) == ARGV[1] then redis.call('DEL', KEYS[n]) end
end
-- Some of what was there longest may be over.
for _, field in ipairs(redis.call('ZRANGE', KEYS[2], 0, 15)) do
  local over = tonumber(string.match(redis.call('HGET', KEYS[1], field) or '0 0', '^%d+ (%d+)'))
  if not over or over < now then
    redis.call('HDEL', KEYS[1], field)
    redis.call('ZREM', KEYS[2], field)
  end
end
for n = 1, 3 do redis.call('PEXPIRE', KEYS[n], 40 * 24 * 3600 * 1000) end
return {1}
