package limit

import (
	"math"
	"slices"
	"time"

	"uniapi/config"
)

// replace closes g and puts a log with the same requests and these rules in its place.
func (l *limiter) replace(g *requestLog, rules []rule) {
	l.log.CompareAndSwap(g, g.successor(rules))
}

// close makes g immutable and returns the number of requests in it.
func (g *requestLog) close() uint64 {
	for i := range g.slots {
		g.slots[i].Or(movedBit)
	}
	h := g.head.Load()
	if len(g.slots) > 0 {
		if word := g.slot(h).Load(); word&roundBit == g.round(h) {
			g.settle(h, timeOf(word))
			h++
		}
	}
	return h
}

// successor closes g and copies what still matters to the rules.
func (g *requestLog) successor(rules []rule) *requestLog {
	h := g.close()
	past := history{log: g, total: g.base + h, newest: g.last(h)}
	for seq := h - min(h, uint64(len(g.slots))); seq < h; seq++ {
		if word := g.slot(seq).Load(); word&countsBit != 0 {
			past.times = append(past.times, timeOf(word))
		}
	}
	return past.logOf(g.owner, rules)
}

// logOf builds a log that has what matters to the rules of what came before.
func (p *history) logOf(owner *limiter, rules []rule) *requestLog {
	next := newLog(owner, rules)
	kept := p.keptFor(next)
	next.makeRoom(len(kept))
	next.floor = p.newest
	next.base = p.total - uint64(len(kept))
	next.head.Store(uint64(len(kept)))
	for i, at := range kept {
		next.slots[i].Store(uint64(at)<<timeShift | countsBit | next.round(uint64(i)))
	}
	for i := range rules {
		if r := &rules[i]; r.grain > 1 && r.blocks.ends.Load() == nil {
			p.fill(r)
		}
	}
	return next
}

// history is what a closed log knows of its requests.
type history struct {
	log    *requestLog
	times  []int64 // of the last ones, without gaps, in order
	total  uint64  // requests ever
	newest int64
	older  []batch // newest first, those of times among them: what an earlier process knew
}

// longAgo is the time of a request that nobody knows any more.
const longAgo = math.MinInt64 / 2

// at is the time of the n-th request ever, or a later one if only that is known.
func (p *history) at(n uint64) int64 {
	if recent := p.total - n; recent <= uint64(len(p.times)) {
		return p.times[uint64(len(p.times))-recent]
	}
	for back, i := p.total-n, 0; i < len(p.older); i++ {
		if back <= p.older[i].n {
			return p.older[i].at
		}
		back -= p.older[i].n
	}
	for i := range p.log.rules { // the finest blocks, those of the smallest count, come first
		r := &p.log.rules[i]
		switch {
		case r.grain == 1 || p.total-n > r.count:
		case (n/r.grain+1)*r.grain > p.total:
			return p.newest
		default:
			return r.blocks.at(n / r.grain)
		}
	}
	return longAgo
}

// keptFor returns the times that matter to the exact rules of a log: those in its longest exact window. Blocks tell of
// requests from before the slots, but not of ones in the slots' own window: there they only have those taken back.
func (p *history) keptFor(next *requestLog) []int64 {
	recent := uint64(len(p.times))
	var out []int64
	for back := uint64(1); back <= min(p.total, recent+next.exact); back++ {
		at := p.at(p.total - back)
		if at <= p.newest-next.horizon {
			break
		}
		if back <= recent || at <= p.newest-p.log.horizon {
			out = append(out, at)
		}
	}
	slices.Reverse(out)
	return out
}

// fill makes the blocks of a rule that is new.
func (p *history) fill(r *rule) {
	for block := (p.total - min(p.total, r.count)) / r.grain; (block+1)*r.grain <= p.total; block++ {
		if at := p.at((block+1)*r.grain - 1); at > longAgo {
			r.blocks.end(block, at)
		}
	}
}

// adapt gives the limiter other limits and keeps its history as far as it goes. A limit that stays keeps its blocks.
func (l *limiter) adapt(limits []config.Limit) {
	for {
		g := l.log.Load()
		rules := rulesOf(limits)
		same := len(rules) == len(g.rules)
		for i := range rules {
			for _, was := range g.rules {
				if was.Limit == rules[i].Limit {
					rules[i].blocks = was.blocks
				}
			}
			same = same && rules[i].Limit == g.rules[i].Limit
		}
		if same {
			return
		}
		l.replace(g, rules)
	}
}

// retire closes a limiter that would allow the same if it were new, and says whether it did.
func (l *limiter) retire(now int64) bool {
	g := l.log.Load()
	idle := func(h uint64) bool { return g.base+h == 0 || g.last(h)+g.longest <= now }
	if !idle(g.head.Load()) {
		return false
	}
	if idle(g.close()) && l.log.CompareAndSwap(g, nil) {
		return true
	}
	l.replace(g, g.rules)
	return false
}

// Quota says what was left after request seq.
func (g *requestLog) Quota(seq uint64, at int64) Quota {
	var least Quota
	for i := range g.rules {
		q := g.left(&g.rules[i], seq+1, at)
		if least.Limit.Count == 0 || q.Remaining < least.Remaining || q.Remaining == least.Remaining && q.Reset > least.Reset {
			least = q
		}
	}
	return least
}

// left is what r still allowed at time t, when head was h. Requests that came since have no part in it.
func (g *requestLog) left(r *rule, h uint64, t int64) Quota {
	since := t - r.window
	if r.grain == 1 && g.gaps.Load() > 0 {
		used, oldest := g.tally(h, since, r.count)
		return r.quota(used, max(oldest, since), t)
	}
	unit := func(n uint64) int64 { return g.at(n) }
	low := g.head.Load() - min(g.head.Load(), uint64(len(g.slots)))
	if r.grain > 1 {
		h += g.base
		low = h - min(h, r.count+r.grain)
		unit = func(n uint64) int64 {
			if (n/r.grain+1)*r.grain > h {
				return t // the block is not full: it counts as long as it is not
			}
			return r.blocks.at(n / r.grain)
		}
	}
	high := h - 1 // the last request is in the window; find the first
	low = min(low, high)
	for low < high {
		if middle := low + (high-low)/2; unit(middle) > since {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return r.quota(h-low/r.grain*r.grain, unit(low), t)
}

// remaining is what each of the limits leaves at a moment; false if the limiter is out of use.
func (l *limiter) remaining(model string, now int64) (list []Left, ok bool) {
	g := l.log.Load()
	if g == nil {
		return nil, false
	}
	h := g.head.Load()
	t := max(now, g.last(h))
	for i := range g.rules {
		r := &g.rules[i]
		q := r.quota(0, t, t) // none in the window
		if counted := h > 0 || r.grain > 1 && g.base > 0; counted && g.last(h) > t-r.window {
			q = g.left(r, h, t)
		}
		if q.Remaining == r.Count { // those that there were have been taken back
			q.Reset = r.Window
		}
		list = append(list, Left{Model: model, Quota: config.Quota{Of: config.Requests, Count: r.Count, Window: r.Window}, Remaining: q.Remaining, Reset: q.Reset})
	}
	return list, true
}

func (r *rule) quota(used uint64, oldest, t int64) Quota {
	return Quota{r.Limit, int64(r.count - min(r.count, used)), time.Duration(oldest + r.window - t)}
}
