-- Tells what other instances have passed on of breakers.
--
-- KEYS: the hash of what is passed on, the changes by number, the last number
-- ARGV: the last number that this instance has heard of, this instance
-- Answers: the last number, the time in ms; then for each breaker when it was passed on and what was said
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last, since = tonumber(redis.call('GET', KEYS[3]) or '0'), tonumber(ARGV[1])
local answer = {last, now}
if last == since then return answer end
if last < since then since = 0 end -- it has been emptied
for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. since, '+inf')) do
  local at, over, by, said = string.match(redis.call('HGET', KEYS[1], field) or '', '^(%d+) (%d+) (%S+) (.*)$')
  if at and by ~= ARGV[2] and tonumber(over) >= now then
    answer[#answer + 1] = at
    answer[#answer + 1] = said
  end
end
return answer
