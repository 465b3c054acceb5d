-- Gives an instance a part of what is left of a client key's credits, and tells what the others have spent.
--
-- A key is a hash: for each ledger what it has of the key (what was spent, since when that counts, what was added) and up to where its instance may
-- spend without asking, until when. What an instance writes is what stands in its ledger, not by how much that has changed: nothing is counted
-- twice, and a Redis that was emptied has it again as soon as the instances have written.
--
-- KEYS: the hash, the changes by number, the last number, who may spend more than is left with its last request
-- ARGV: this ledger; spent, since, added; in flight, what waits beside it; the credits of the configuration; for how many ms; 1 if it is used
-- Answers: up to where it may spend, what others have spent, what was added elsewhere, how much of the first is ahead of any request, whether its last
--   request may go beyond, whose spending the second is
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, spent, since, added = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local flying, waits, credits, term = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local names = {}
local elsewhere, held, more, was = 0, 0, 0, ''
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] == me then
    was = string.match(all[i + 1], '^%S+ %S+ %S+')
  else
    local s, from, a, upto, over = string.match(all[i + 1], '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
    -- One whose time is so much older is of a month that has ended.
    -- Since 1: of instances with one ledger, which has what those spent that are not told of here. Entries of ledgers of their own are from before.
    if s and since == 1 and (from ~= '1' or tonumber(over) < now - 24 * 3600 * 1000) then
      redis.call('HDEL', KEYS[1], all[i])
    elseif s and tonumber(from) > since - 27 * 24 * 3600 then
      names[#names + 1] = all[i]
      elsewhere, more = elsewhere + tonumber(s), more + tonumber(a)
      if tonumber(over) > now then held = held + math.max(tonumber(upto) - tonumber(s), 0) end
    elseif not s or tonumber(over) < now - 27 * 24 * 3600 * 1000 then
      redis.call('HDEL', KEYS[1], all[i])
    end
  end
end
local free = math.max(credits + added + more - elsewhere - held - spent, 0)
local part = math.min(free, flying + waits)
local ahead = 0
if ARGV[9] == '1' then ahead = math.floor((free - part) / 16) end
local last, holder = 0, redis.call('GET', KEYS[4])
if flying + waits > part and (holder == me and part ~= flying or not holder and part > flying) then
  last = 1
  redis.call('SET', KEYS[4], me, 'PX', term)
elseif holder == me then
  redis.call('DEL', KEYS[4])
end
-- What is in flight is held whole, also where it is beyond what is left: or another one would take the rest for the last.
local held_here = math.max(part, flying) + ahead
part = part + ahead
local function text(n) return string.format('%.0f', n) end
local upto = spent + part
local mine = text(spent) .. ' ' .. text(since) .. ' ' .. text(added)
redis.call('HSET', KEYS[1], me, mine .. ' ' .. text(spent + held_here) .. ' ' .. text(now + term))
redis.call('PEXPIRE', KEYS[1], 400 * 24 * 3600 * 1000)
if was ~= mine then
  redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), KEYS[1])
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -20001)
  redis.call('PEXPIRE', KEYS[2], 86400000)
end
return {text(upto), text(elsewhere), text(more), text(ahead), last, table.concat(names, ' ')}
