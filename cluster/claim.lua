-- Says whether this instance may probe, and holds that for it.
--
-- KEYS: the claim
-- ARGV: this instance, for how many ms
local by = redis.call('GET', KEYS[1])
if by and by ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1}
