-- Takes requests out of limits, all of a subject's at once.
--
-- A limit is a hash: the pieces of its window by their number, each with how many requests count until all of it has left the window; u, their
-- sum; f, the first piece that still counts; i, which life of the hash it is. What is taken ahead counts as of the latest moment at which it may be
-- used, so that no window ever holds more than the limit.
--
-- KEYS: a hash for each limit; then what tells the instance's last call
-- ARGV: waiting, ahead, term in ms, new life, number of this call, of a call whose answer was lost (then this asks for it alone, and both are the same) or 0,
--   how many are given back; of each of them
--   when it counts from and how many; then for each limit its count, its window in ms, and what the instance has let in without asking
-- Answers: taken, as of when, left, after how many ms one more, which limit is in the way, whether the call whose answer was lost was recorded (what
--   it took is given back then), then the life of each hash
local limits = #KEYS - 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waiting, ahead, term = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local at = 8
local back = {}
for n = 1, tonumber(ARGV[7]) do
  back[n] = {tonumber(ARGV[at]), tonumber(ARGV[at + 1])}
  at = at + 2
end
local recorded = 0
if ARGV[6] ~= '0' then
  local number, stamp, taken = string.match(redis.call('GET', KEYS[limits + 1]) or '', '^(%d+) (%d+) (%d+)$')
  if number == ARGV[6] then
    recorded = 1
    back[#back + 1] = {tonumber(stamp), tonumber(taken)}
  end
end
local stamp = now + term
local function text(n) return string.format('%.0f', n) end

local all, free, after, which = {}, nil, 0, 0
for n = 1, limits do
  local l = {key = KEYS[n], count = tonumber(ARGV[at]), window = tonumber(ARGV[at + 1]), add = {}, del = {}}
  local debt = tonumber(ARGV[at + 2])
  at = at + 3
  l.piece = math.max(math.floor(l.window / 100), 1)
  l.first = math.floor((now - l.window) / l.piece)
  local kept = redis.call('HMGET', l.key, 'u', 'f', 'i')
  l.used, l.life = tonumber(kept[1]) or 0, kept[3] or ARGV[4]
  local from = tonumber(kept[2]) or l.first
  l.first = math.max(l.first, from) -- a clock that was set back
  if l.first > from then
    local gone = {}
    for p = from, math.min(l.first - 1, from + 2000) do gone[#gone + 1] = text(p) end
    for i, n in ipairs(redis.call('HMGET', l.key, unpack(gone))) do
      if n then l.used = l.used - n; l.del[#l.del + 1] = gone[i] end
    end
  end
  local function count(p, by)
    local field = text(p)
    local was = l.add[field] or tonumber(redis.call('HGET', l.key, field)) or 0
    if by < 0 then by = -math.min(-by, was) end
    l.add[field], l.used = was + by, l.used + by
  end
  l.number = count
  for _, b in ipairs(back) do
    local p = math.floor(b[1] / l.piece)
    if p >= l.first then count(p, -b[2]) end
  end
  if debt > 0 then count(math.max(math.floor(now / l.piece), l.first), debt) end
  local left = math.max(l.count - l.used, 0)
  if not free or left < free then free = left end
  if left < math.max(waiting, 1) then
    local need, p, last = l.used - l.count + 1, l.first, math.floor(stamp / l.piece) + 1
    local names = {}
    for q = p, math.min(last, p + 2000) do names[#names + 1] = text(q) end
    local kept = redis.call('HMGET', l.key, unpack(names))
    local wait = l.window
    for i, n in ipairs(kept) do
      need = need - (l.add[names[i]] or tonumber(n) or 0)
      if need <= 0 then wait = (p + i) * l.piece + l.window - now; break end
    end
    if wait > after then after, which = wait, n end
  end
  all[n] = l
end

local taken = math.min(free, waiting)
taken = taken + math.min(ahead, math.floor((free - taken) / 8))
local answer = {taken, stamp, free - taken, after, which, recorded}
for n, l in ipairs(all) do
  if taken > 0 then l.number(math.max(math.floor(stamp / l.piece), l.first), taken) end
  local set = {'u', text(l.used), 'f', text(l.first), 'i', l.life}
  for field, n in pairs(l.add) do set[#set + 1] = field; set[#set + 1] = text(n) end
  redis.call('HSET', l.key, unpack(set)) -- first, as it may be refused for want of memory
  if #l.del > 0 then redis.call('HDEL', l.key, unpack(l.del)) end
  redis.call('PEXPIRE', l.key, text(l.window + term + l.piece + 1000))
  answer[#answer + 1] = l.life
end
if ARGV[6] ~= '0' and recorded == 0 then return answer end -- it may be asked again
redis.call('SET', KEYS[limits + 1], ARGV[5] .. ' ' .. text(stamp) .. ' ' .. text(taken), 'PX', 60000)
return answer
