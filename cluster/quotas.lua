-- Gives an instance a part of what quotas have left, all quotas of a model or of a subject at once, and counts what it has used.
--
-- A quota is a hash: p and a number, how much was used in a piece of its window (of a calendar's period: since that began); e and a name, what an
-- instance has used in all as of its last call, up to where it may come without asking, until when; b and a name, that what a ledger had used before
-- is counted, as of when; l, who may go beyond what is left, until when. What an instance writes is what it has come to, not by how much that has
-- changed: a call that is made twice counts once.
--
-- KEYS: a hash for each quota
-- ARGV: who; its ledger; for how many ms; how many requests wait; 1 if something is to be taken ahead; then for each quota
--   what it measures (c at once, r requests, t tokens, m money); its count; ms of a piece, 0 of a calendar; when the calendar's period begins and ends;
--   used in all; of that what was told; what requests under way hold and what is kept ahead; what is wanted beside it; the least that is of use to a request;
--   how many parts were used before, -1 if that is not said; of each how many ms ago and how much
-- Answers: the time, what is wrong (0 nothing, 1 another period goes on, 2 what was used before is to be said), which quota is in the way, after how many ms
--   there is more; then for each quota up to where it may come, what is left, how much of it is ahead of any request, whether it may go beyond
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local who, ledger, term, waiting = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local function text(n) return string.format('%.0f', n) end

local all, at = {}, 6
for n = 1, #KEYS do
  local q = {of = ARGV[at], count = tonumber(ARGV[at + 1]), piece = tonumber(ARGV[at + 2]), began = tonumber(ARGV[at + 3]), ends = tonumber(ARGV[at + 4]),
    used = tonumber(ARGV[at + 5]), told = tonumber(ARGV[at + 6]), keep = tonumber(ARGV[at + 7]), wants = tonumber(ARGV[at + 8]), least = tonumber(ARGV[at + 9]), parts = {}, pieces = {}, del = {}}
  local parts = tonumber(ARGV[at + 10])
  at = at + 11
  for i = 1, parts do
    q.parts[i] = {tonumber(ARGV[at]), tonumber(ARGV[at + 1])}
    at = at + 2
  end
  if q.ends > 0 and (now < q.began or now >= q.ends) then return {text(now), 1, n, 0} end
  q.first, q.newest, q.window = 0, 0, 0
  if q.ends > 0 then
    q.first, q.newest, q.window = q.began, q.began, q.ends - now
  elseif q.piece > 0 then
    q.window = q.piece * 60
    q.first, q.newest = math.floor((now - q.window) / q.piece), math.floor(now / q.piece)
  end
  q.others, q.sum, q.known = 0, 0, q.of == 'c'
  local kept = redis.call('HGETALL', KEYS[n])
  for i = 1, #kept, 2 do
    local name, value = kept[i], kept[i + 1]
    local kind, of = string.sub(name, 1, 1), string.sub(name, 2)
    if kind == 'p' then
      if tonumber(of) >= q.first then
        q.pieces[tonumber(of)] = tonumber(value)
        q.sum = q.sum + tonumber(value)
      else
        q.del[#q.del + 1] = name
      end
    elseif kind == 'e' then
      local used, upto, over = string.match(value, '^(%S+) (%S+) (%S+)$')
      if of == who then
        q.was = tonumber(used)
      elseif tonumber(over) > now then
        q.others = q.others + math.max(tonumber(upto) - tonumber(used), 0)
      elseif tonumber(over) < now - 60000 then
        q.del[#q.del + 1] = name
      end
    elseif kind == 'b' then
      if of == ledger then
        q.known = true
      elseif tonumber(value) < now - 400 * 24 * 3600 * 1000 then
        q.del[#q.del + 1] = name
      end
    elseif kind == 'l' then
      local holder, over = string.match(value, '^(%S+) (%S+)$')
      if tonumber(over) > now then q.last = holder end
    end
  end
  if not q.known and parts < 0 then return {text(now), 2, n, 0} end
  all[n] = q
end

local enough = true
for n, q in ipairs(all) do
  local changed = {}
  local function count(p, by)
    by = math.max(by, -(q.pieces[p] or 0))
    if by ~= 0 then q.pieces[p], q.sum = (q.pieces[p] or 0) + by, q.sum + by end
    if q.pieces[p] then changed[p] = true end
  end
  if q.of ~= 'c' and q.known then
    count(q.newest, q.used - (q.was or q.told))
  elseif q.of ~= 'c' then
    for _, part in ipairs(q.parts) do
      local p = q.newest
      if q.piece > 0 then p = math.floor((now - part[1]) / q.piece) end
      if p >= q.first then count(p, part[2]) end
    end
  end
  q.changed = changed
  q.free = math.max(q.count - q.sum - q.others, 0)
  q.more = math.max(math.min(q.free - q.keep, q.wants), 0)
  if q.more < q.wants and q.least > 0 then q.more = math.floor(q.more / q.least) * q.least end -- a rest that is of no use to one may be to others
  if q.more == 0 and q.wants > 0 then enough = false end
end

local answer, after, which = {text(now), 0, 0, 0}, 0, 0
for n, q in ipairs(all) do
  local free, want = q.free, q.keep + q.wants
  local part = math.min(free, q.keep)
  local ahead = 0
  if enough then
    part = part + q.more
    if ARGV[5] == '1' then ahead = math.floor((free - part) / 16) end
    if ahead < q.least then ahead = 0 end
  end
  local last = 0
  if q.of == 'm' and want > part and (q.last == who and part ~= q.keep or not q.last and part > q.keep) then last = 1 end
  if waiting > 0 and free - q.keep < math.max(q.wants, 1) then
    local wait = 1000
    if q.ends > 0 then
      wait = q.window
    elseif q.piece > 0 and q.sum > 0 then
      local numbers = {}
      for p in pairs(q.pieces) do numbers[#numbers + 1] = p end
      table.sort(numbers)
      local lacks = math.max(q.wants / waiting, 1) - (free - q.keep)
      for _, p in ipairs(numbers) do
        lacks = lacks - q.pieces[p]
        wait = (p + 1) * q.piece + q.window - now
        if lacks <= 0 then break end
      end
    elseif q.count == 0 then
      wait = math.max(q.window, 1000)
    end
    if wait > after then after, which = wait, n end
  end
  -- What is in flight is held whole, also where it is beyond what is left: or another one would take the rest for the last.
  local set = {'e' .. who, text(q.used) .. ' ' .. text(q.used + math.max(part, q.keep) + ahead) .. ' ' .. text(now + term)}
  if q.of ~= 'c' then set[#set + 1] = 'b' .. ledger; set[#set + 1] = text(now) end
  for p in pairs(q.changed) do set[#set + 1] = 'p' .. text(p); set[#set + 1] = text(q.pieces[p] or 0) end
  if last == 1 then
    set[#set + 1] = 'l'; set[#set + 1] = who .. ' ' .. text(now + term)
  elseif q.last == who then
    q.del[#q.del + 1] = 'l'
  end
  redis.call('HSET', KEYS[n], unpack(set)) -- first, as it may be refused for want of memory
  if #q.del > 0 then redis.call('HDEL', KEYS[n], unpack(q.del)) end
  redis.call('PEXPIRE', KEYS[n], text(q.window + q.piece + math.max(2 * term, 60000)))
  answer[#answer + 1] = text(q.used + part + ahead)
  answer[#answer + 1] = text(math.max(free - q.keep, 0))
  answer[#answer + 1] = text(ahead)
  answer[#answer + 1] = last
end
answer[3], answer[4] = which, text(after)
return answer
