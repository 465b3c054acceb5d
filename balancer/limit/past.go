package limit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"uniapi/config"
)

// longWindow is how long a window is at least that survives the end of the process. What fits into a shorter one is
// over before anybody has noticed that it began anew.
const longWindow = time.Hour

// LongestWindow is that of a year, and some days more. The clock of Take has to have begun so long before the process
// did, for it to have times for what an earlier one has counted.
const LongestWindow = 400 * 24 * time.Hour

// batch is a number of requests that leave their windows together.
type batch struct {
	at int64
	n  uint64
}

// past is what a counter has of its requests from before the process.
type past struct {
	requests []batch // newest first
	settled  []settled
}

// mostBatches is about how many a counter's past has. Requests are put into one with the next ones of a small part of
// the longest window, and count until the last of them leaves it: never too generous, and at most that part too strict.
const mostBatches = 250

// lasting is the longest of the windows that outlive the process; 0 if none does.
func (g *requestLog) lasting() int64 {
	if g.longest >= int64(longWindow) {
		return g.longest
	}
	return 0
}

// batches are the requests in the longest window.
func (g *requestLog) batches(now int64) (list []batch) {
	longest := g.lasting()
	width := max(longest/mostBatches, int64(time.Second))
	add := func(at int64, n uint64) {
		if last := len(list) - 1; last >= 0 && at > list[last].at-width {
			list[last].n += n
		} else {
			list = append(list, batch{at, n})
		}
	}
	var blocks *rule // the coarsest, which reach back furthest
	for i := range g.rules {
		if g.rules[i].grain > 1 {
			blocks = &g.rules[i]
		}
	}
	h := g.head.Load()
	newest, first := g.last(h), h-min(h, uint64(len(g.slots)))
	seq := h
	for ; seq > first; seq-- {
		word := g.slot(seq - 1).Load()
		if timeOf(word) <= now-longest {
			return list
		}
		if word&countsBit != 0 {
			add(min(timeOf(word), newest), 1) // a slot may have been used again meanwhile
		}
	}
	if blocks == nil {
		return list
	}
	for n := g.base + seq; n > 0 && len(list) <= 2*mostBatches; {
		block := (n - 1) / blocks.grain
		at := newest
		if (block+1)*blocks.grain <= g.base+h {
			at = blocks.blocks.at(block)
		}
		if at <= now-longest {
			break
		}
		add(at, n-block*blocks.grain)
		n = block * blocks.grain
	}
	return list
}

// recall gives a new limiter a past.
func (l *limiter) recall(requests []batch, now int64) {
	g := l.log.Load()
	h := history{log: newLog(l, nil), older: requests}
	for _, b := range requests {
		h.total += b.n
		for i := uint64(0); i < b.n && uint64(len(h.times)) < maxExact; i++ {
			h.times = append(h.times, b.at)
		}
	}
	if h.total == 0 {
		return
	}
	slices.Reverse(h.times)
	h.newest = min(requests[0].at, now)
	l.log.Store(h.logOf(l, g.rules))
}

// Changes implements Store.
func (l *local) Changes(now int64, wall time.Time) map[string][]byte {
	changes := make(map[string][]byte)
	t := l.table.Load()
	for i := range t.buckets {
		for c := t.buckets[i].Load(); c != nil; c = c.next {
			if state := c.changes(now, wall); state != nil {
				changes[c.keptAs()] = state
			}
		}
	}
	return changes
}

// keptAs is the name of a counter's past: nobody learns a key or a model from it.
func (c *counter) keptAs() string {
	sum := sha256.Sum256([]byte(c.subject + "\x00" + c.model))
	return string(sum[:16])
}

// changes is the counter's past if it has changed, nil if not, or if none of it lasts. Only one goroutine asks at a
// time.
func (c *counter) changes(now int64, wall time.Time) []byte {
	var p past
	var longest time.Duration
	var changed bool
	p.settled, longest, changed = c.meters.past(now)
	if g := c.window.log.Load(); g != nil && g.lasting() > 0 {
		mark := [2]uint64{g.base + g.head.Load(), uint64(g.gaps.Load())}
		changed = changed || mark != c.window.kept
		if longest = max(longest, time.Duration(g.lasting())); changed {
			c.window.kept, p.requests = mark, g.batches(now)
		}
	}
	if !changed {
		return nil
	}
	return p.encode(wall.Add(longest+longest/10), now, wall) // a month of the calendar may be longer than 30 days
}

// Restore implements Store.
func (l *local) Restore(kept map[string][]byte, now int64, wall time.Time) (unreadable int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restored = make(map[string]past, len(kept))
	for name, state := range kept {
		p, err := decodePast(state, now, wall)
		if err != nil {
			unreadable++
			continue
		}
		l.restored[name] = p
	}
	return unreadable
}

// recall gives a new counter its past. l.mu is held.
func (l *local) recall(c *counter, now int64) {
	if len(l.restored) == 0 {
		return
	}
	name := c.keptAs()
	if p, known := l.restored[name]; known {
		delete(l.restored, name)
		c.window.recall(p.requests, now)
		c.meters.recall(p.settled, now)
	}
}

// pastVersion is the first byte of an encoded past.
const pastVersion = 1

var errPast = errors.New("what is kept of a limit cannot be read")

// encode writes a past: a version, the second from which on it may be forgotten, the requests, with times in
// milliseconds since 1970, the first and then by how much each is before the last, and what quotas had settled.
func (p *past) encode(until time.Time, now int64, wall time.Time) []byte {
	b := []byte{pastVersion}
	b = binary.BigEndian.AppendUint64(b, uint64(until.Unix()+1))
	b = binary.AppendUvarint(b, uint64(len(p.requests)))
	last := int64(0)
	for i, r := range p.requests {
		at := wall.Add(time.Duration(r.at-now) + time.Millisecond - 1).UnixMilli()
		if i == 0 {
			b = binary.AppendUvarint(b, uint64(at))
		} else {
			b = binary.AppendUvarint(b, uint64(max(last-at, 0)))
		}
		last = at
		b = binary.AppendUvarint(b, r.n)
	}
	b = binary.AppendUvarint(b, uint64(len(p.settled)))
	for _, s := range p.settled {
		b = binary.AppendUvarint(b, uint64(s.quota.Of))
		b = binary.AppendUvarint(b, uint64(s.quota.Window/time.Second))
		b = binary.AppendUvarint(b, uint64(len(s.quota.Zone)))
		b = append(b, s.quota.Zone...)
		b = binary.AppendUvarint(b, uint64(s.began))
		b = binary.AppendUvarint(b, uint64(len(s.pieces)))
		for _, piece := range s.pieces {
			b = binary.AppendUvarint(b, uint64(wall.Add(time.Duration(piece.at-now)).UnixMilli()))
			b = binary.AppendUvarint(b, uint64(piece.amount))
		}
	}
	return b
}

// Until is the second since 1970 from which on what Changes gave may be forgotten; 0 is at once.
func Until(state []byte) int64 {
	if len(state) < 9 || state[0] != pastVersion {
		return 0
	}
	return int64(binary.BigEndian.Uint64(state[1:]))
}

// mostAtOnce bounds the number of requests of a past: what is more was not written by us.
const mostAtOnce = 1 << 48

// reading takes numbers from the front of what is kept.
type reading struct {
	rest []byte
	bad  bool
}

func (r *reading) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reading) word() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	word := string(r.rest[:n])
	r.rest = r.rest[n:]
	return word
}

// atMost is a number that is no greater.
func (r *reading) atMost(most uint64) int64 {
	n := r.number()
	r.bad = r.bad || n > most
	return int64(min(n, most))
}

const mostMilli = 1 << 53

func decodePast(state []byte, now int64, wall time.Time) (p past, err error) {
	if Until(state) == 0 {
		return p, errPast
	}
	r := reading{rest: state[9:]}
	clock := func(milli int64) (at int64, known bool) { // what is later than now is of a clock that was set back
		before := max(wall.UnixMilli()-milli, 0)
		at = now - before*int64(time.Millisecond)
		return at, before <= int64(LongestWindow/time.Millisecond) && at > 0
	}
	at, sum := int64(0), int64(0)
	for i, count := uint64(0), r.number(); i < count && !r.bad; i++ {
		step := r.atMost(mostMilli)
		if i > 0 {
			step = at - step
		}
		at = step
		n := r.atMost(mostAtOnce)
		sum += n
		r.bad = r.bad || at < 0 || sum > mostAtOnce
		if t, known := clock(at); known && n > 0 && !r.bad {
			p.requests = append(p.requests, batch{t, uint64(n)})
		}
	}
	for count := r.number(); count > 0 && !r.bad; count-- {
		s := settled{quota: config.Quota{
			Of: config.Measure(r.atMost(uint64(config.Concurrent))), Window: time.Duration(r.atMost(uint64(LongestWindow/time.Second))) * time.Second, Zone: r.word(),
		}}
		s.began = r.atMost(mostMilli)
		sum := int64(0)
		for pieces := r.number(); pieces > 0 && !r.bad; pieces-- {
			at, known := clock(r.atMost(mostMilli))
			amount := r.atMost(2 * mostCounted)
			sum += amount
			r.bad = r.bad || sum > 2*mostCounted
			if (known || s.quota.Zone != "") && !r.bad {
				s.pieces = append(s.pieces, piece{at, amount})
			}
		}
		p.settled = append(p.settled, s)
	}
	if r.bad || len(r.rest) > 0 {
		return past{}, errPast
	}
	return p, nil
}
