package limit

import (
	"math/bits"
	"sync/atomic"
	"time"

	"uniapi/config"
)

// limiter is a sliding-window log: a request is allowed if for each limit fewer than its count were allowed in the
// window that ends now. It takes no lock, allocates only to grow, and is exact under concurrency. Why:
//
// The log is a ring of slots. A slot's word holds a request's time, whether the request counts (it may have been taken
// back), and one bit of the round it was written in, so that a slot tells whether it holds sequence number h or still
// h−size. head is the number of requests recorded. To record h, a goroutine reads head = h and the slot of h, sees from
// the round bit that h is not written, sees head = h again, and swaps the slot's word from what it read to its own.
// Then it, or whoever comes first, moves head to h+1.
//
//   - The swap decides. head only moves to h+1 when h is written, so a swap that succeeds happened while head was h:
//     the word cannot have been there before or after (words of one slot carry ever later times, see evictable). At
//     that moment requests up to h−1 are recorded, nothing after them, and none of their slots has been reused. What
//     was read of them between the first look at head and the swap is therefore the state at the swap, except that
//     requests may have been taken back meanwhile, which only makes room. All limits are judged on this one state and
//     one word records the request for all of them: there is no partial recording.
//   - Times never decrease along the sequence: a request that read the clock before the one in front of it gets that
//     one's time, which lies between its call and its return. So the count-th request back from head is the oldest that
//     matters, and one comparison per limit decides.
//   - A refusal holds if head and the log are still the same after the reading: then it describes a moment in between.
//   - Nobody waits: a goroutine that finds h written and head not moved moves it itself.
//
// A log that must grow, lose its gaps, or change its limits is closed: every slot gets the moved bit, which makes all
// swaps on it fail, and its successor is built from what then cannot change any more. Everybody who meets the bit does
// the same, and one of the equal successors takes the place.
//
// Requests taken back leave gaps. While there are any, a limit that seems to be reached is counted one by one.
type limiter struct {
	log  atomic.Pointer[requestLog] // nil: retired, ask the registry again
	kept [2]uint64                  // what Changes has seen of it last: requests and gaps
}

// Counts up to maxExact are exact. A larger one is kept in blocks of a thousandth of the count, each with the time of
// its last request, in 8 KB whatever the count: it never allows more than its count, and may refuse up to a block too
// early.
const (
	maxExact  = 4096
	perBlock  = 1000 // the part of the count that a block is
	maxBlocks = 1024 // a power of two above perBlock, with room for the block being filled
	minSlots  = 16
)

// A slot's word: time<<timeShift | flags. Times below 2^61 ns (73 years) fit.
const (
	roundBit  = 1 << iota
	countsBit // clear: taken back, or never used
	movedBit  // the log is closed
	timeShift = iota
)

func timeOf(word uint64) int64 { return int64(word >> timeShift) }

// rule is one limit as the log keeps it.
type rule struct {
	config.Limit
	count  uint64
	window int64  // ns
	grain  uint64 // requests per block; 1: exact, by the slots
	blocks *blockEnds
}

// blockEnds holds the times of the last request of each block. The space comes with the first block that is full.
type blockEnds struct {
	ends atomic.Pointer[[maxBlocks]atomic.Int64] // time + 1; 0: not known
}

// requestLog is a ring with its rules.
type requestLog struct {
	owner   *limiter
	rules   []rule
	exact   uint64 // the largest count of the rules that are kept exactly; with the longest of their windows
	horizon int64  // that window; what is older matters to no exact rule
	tick    int64  // least distance of times: 1 if no rule is exact, so that slots can always be reused
	longest int64  // window of all
	floor   int64  // the time of the last request of the log before
	base    uint64 // how many requests came before sequence number 0, for the blocks
	shift   int    // log2 of the slots
	slots   []atomic.Uint64

	_    [64]byte // what everybody writes lies apart from what everybody reads
	head atomic.Uint64
	gaps atomic.Int64 // at least the number of requests in the ring that were taken back
}

func newLimiter(limits []config.Limit) *limiter {
	l := new(limiter)
	g := newLog(l, rulesOf(limits))
	g.makeRoom(0)
	l.log.Store(g)
	return l
}

func rulesOf(limits []config.Limit) []rule {
	var rules []rule
	for _, limit := range strictest(limits) {
		r := rule{Limit: limit, count: uint64(limit.Count), window: int64(limit.Window), grain: 1}
		if limit.Count > maxExact {
			r.grain = (r.count + perBlock - 1) / perBlock
			r.blocks = new(blockEnds)
		}
		rules = append(rules, r)
	}
	return rules
}

// newLog returns a log without room.
func newLog(owner *limiter, rules []rule) *requestLog {
	g := &requestLog{owner: owner, rules: rules, tick: 1}
	for _, r := range rules {
		g.longest = max(g.longest, r.window)
		if r.grain == 1 {
			g.exact, g.horizon, g.tick = max(g.exact, r.count), max(g.horizon, r.window), 0
		}
	}
	return g
}

// makeRoom gives the log slots for n requests and half as many more.
func (g *requestLog) makeRoom(n int) {
	if len(g.rules) > 0 {
		g.shift = bits.Len(uint(max(n+n/2+minSlots/2, minSlots) - 1))
		g.slots = make([]atomic.Uint64, 1<<g.shift)
	}
}

func (g *requestLog) slot(seq uint64) *atomic.Uint64 { return &g.slots[seq&uint64(len(g.slots)-1)] }

// round is the round bit of a sequence number: 1 in the first round, so that an unused slot is of none.
func (g *requestLog) round(seq uint64) uint64 { return (seq>>g.shift)&1 ^ 1 }

// at is the time of a request that was recorded.
func (g *requestLog) at(seq uint64) int64 { return timeOf(g.slot(seq).Load()) }

func (g *requestLog) last(head uint64) int64 {
	if head == 0 {
		return g.floor
	}
	return g.at(head - 1)
}

type outcome int

const (
	granted outcome = iota
	refused
	retired // the limiter is out of use: get another
)

// take decides about one request, and records it if record is set and it is allowed.
func (l *limiter) take(now int64, record bool) (Grant, Refusal, outcome) {
	for tries := 0; ; tries++ {
		if tries > 0 {
			giveWay(tries)
		}
		g := l.log.Load()
		if g == nil {
			return Grant{}, Refusal{}, retired
		}
		if len(g.rules) == 0 {
			return Grant{}, Refusal{}, granted
		}
		h := g.head.Load()
		slot := g.slot(h)
		old := slot.Load()
		if g.head.Load() != h {
			continue
		}
		if old&roundBit == g.round(h) {
			g.settle(h, timeOf(old)) // recorded by somebody who has not moved head yet
			continue
		}
		t := max(now, g.last(h)+g.tick)
		refusal, ok := g.check(h, t)
		if !ok || !record {
			if g.head.Load() != h || l.log.Load() != g {
				continue
			}
			if !ok {
				return Grant{}, refusal, refused
			}
			return Grant{}, Refusal{}, granted
		}
		if old&movedBit != 0 || !g.evictable(old, h, t) {
			l.replace(g, g.rules)
			continue
		}
		if !slot.CompareAndSwap(old, uint64(t)<<timeShift|countsBit|g.round(h)) {
			continue
		}
		if h >= uint64(len(g.slots)) && old&countsBit == 0 {
			g.gaps.Add(-1)
		}
		g.settle(h, t)
		return Grant{Record: g, Seq: h, At: t}, Refusal{}, granted
	}
}

// giveWay lets some nanoseconds pass after another goroutine was faster. Without it, goroutines that hammer one counter
// take its cache lines from each other all the time, and each request costs several times as much; with it whoever has
// them gets some requests done. It waits for nobody: it ends by itself.
func giveWay(tries int) {
	for range min(tries, 8) * 256 {
	}
}

// evictable says whether a slot may be reused for request h at time t: what it holds matters to no exact rule any more,
// and is older than t, so that a slot never holds the same word twice.
func (g *requestLog) evictable(word uint64, h uint64, t int64) bool {
	if h < uint64(len(g.slots)) {
		return true
	}
	at := timeOf(word)
	return at < t && (word&countsBit == 0 || at+g.horizon <= t)
}

// settle finishes the recording of h: it is counted in the blocks, then in head. It may be done several times and late;
// the end of a block only ever moves forward, as the ends of one place are more than a window apart.
func (g *requestLog) settle(h uint64, t int64) {
	for i := range g.rules {
		if r := &g.rules[i]; r.grain > 1 && (g.base+h+1)%r.grain == 0 {
			r.blocks.end((g.base+h)/r.grain, t)
		}
	}
	g.head.CompareAndSwap(h, h+1)
}

func (b *blockEnds) end(block uint64, t int64) {
	ends := b.ends.Load()
	if ends == nil {
		b.ends.CompareAndSwap(nil, new([maxBlocks]atomic.Int64))
		ends = b.ends.Load()
	}
	for end := &ends[block%maxBlocks]; ; {
		old := end.Load()
		if old > t || end.CompareAndSwap(old, t+1) {
			return
		}
	}
}

func (b *blockEnds) at(block uint64) int64 {
	if ends := b.ends.Load(); ends != nil {
		if end := ends[block%maxBlocks].Load(); end > 0 {
			return end - 1
		}
	}
	return longAgo
}

// check says whether all rules allow request h at time t.
func (g *requestLog) check(h uint64, t int64) (refusal Refusal, ok bool) {
	ok = true
	for i := range g.rules {
		r := &g.rules[i]
		free := g.free(r, h, t)
		if free <= t {
			continue
		}
		if after := time.Duration(free - t); ok || after > refusal.After {
			refusal = Refusal{Limit: r.Limit, After: after}
		}
		ok = false
	}
	return refusal, ok
}

// free is the time from which on r allows request h: when the count-th request before it leaves the window. It is t or
// less if that is now, or if there is no such request.
func (g *requestLog) free(r *rule, h uint64, t int64) int64 {
	if r.count == 0 {
		return t + r.window
	}
	if r.grain > 1 {
		if g.base+h < r.count {
			return t
		}
		block := (g.base + h - r.count) / r.grain
		return r.blocks.at(block) + r.window
	}
	if r.count > min(h, uint64(len(g.slots))) {
		return t // the ring still has everything that matters
	}
	free := g.at(h-r.count) + r.window
	if free <= t || g.gaps.Load() == 0 {
		return free
	}
	if n, oldest := g.tally(h, t-r.window, r.count); n == r.count {
		return oldest + r.window
	}
	return t
}

// tally counts the requests before h that are later than since and not taken back, but at most limit. oldest is the
// time of the last one counted.
func (g *requestLog) tally(h uint64, since int64, limit uint64) (n uint64, oldest int64) {
	for seq := h; n < limit && seq > 0 && h-seq < uint64(len(g.slots)); {
		seq--
		word := g.slot(seq).Load()
		if timeOf(word) <= since {
			break
		}
		if word&countsBit != 0 {
			n, oldest = n+1, timeOf(word)
		}
	}
	return n, oldest
}

// Cancel takes request seq back.
func (g *requestLog) Cancel(seq uint64, at int64) {
	slot := g.slot(seq)
	for {
		word := slot.Load()
		if timeOf(word) != at || word&countsBit == 0 || word&roundBit != g.round(seq) {
			return // its window has passed
		}
		if word&movedBit != 0 {
			g.owner.cancelMoved(g, at)
			return
		}
		if g.remove(slot, word) {
			return
		}
	}
}

// remove makes a gap of a request. The number of gaps grows first, so that it is never too small.
func (g *requestLog) remove(slot *atomic.Uint64, word uint64) bool {
	g.gaps.Add(1)
	if slot.CompareAndSwap(word, word&^countsBit) {
		return true
	}
	g.gaps.Add(-1)
	return false
}

// cancelMoved takes a request back that has moved to another log: one of the same time, which is as good.
func (l *limiter) cancelMoved(g *requestLog, at int64) {
	for {
		if l.log.Load() == g {
			l.replace(g, g.rules)
		}
		g = l.log.Load()
		if g == nil || len(g.slots) == 0 || g.removeAt(at) {
			return
		}
	}
}

// removeAt takes the first request of time at back, if there is one. The first, as those that were copied from an older
// log come before those recorded in this one, whose grants know their slots. False if the log is closed.
func (g *requestLog) removeAt(at int64) bool {
	h := g.head.Load() + 1 // one may be recorded and not be counted yet
	for seq := h - min(h, uint64(len(g.slots))+1); seq < h; seq++ {
		slot := g.slot(seq)
		for {
			word := slot.Load()
			if timeOf(word) != at || word&countsBit == 0 || word&roundBit != g.round(seq) {
				break
			}
			if word&movedBit != 0 {
				return false
			}
			if g.remove(slot, word) {
				return true
			}
		}
	}
	return true
}
