package cluster

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"uniapi/balancer/limit"
	"uniapi/config"
)

//go:embed limits.lua
var limitsText string

var limitsScript = rueidis.NewLuaScript(limitsText)

// How much is taken ahead, and for how long. A limit is large if a slice of it is worth taking.
const (
	partOfLimit  = 500 // a slice is at most this part of a limit
	leastSlice   = 10
	termLarge    = time.Second
	termSmall    = 100 * time.Millisecond
	leastTerm    = 50 * time.Millisecond
	termOfWindow = 20                     // the most a term may be of a window is one such part
	askAgain     = 100 * time.Millisecond // as others may give back what they do not use
	toldFor      = int64(time.Minute)
	partOwed     = 8 // while answers are late an instance lets in at most this part of what all had left, or one
)

// counter is what all instances count of one model of a subject, as far as this one knows.
type counter struct {
	limits *limits
	local  limit.Limiter
	model  string
	rules  []config.Limit
	keys   []string
	ahead  int64 // at most so many are taken ahead; 0 of a small limit
	term   time.Duration

	leases [4]lease // what was taken ahead
	low    atomic.Bool
	full   atomic.Pointer[fullness]
	left   atomic.Int64 // that Redis told last
	leftAt atomic.Int64
	seen   atomic.Int64 // the latest moment of a request, on the clock of Take

	mu     sync.Mutex
	next   *flight // that gathers who asks; nil is none
	flying bool
	idleC  chan struct{}   // closed when nothing flies
	slice  int64           // how much is taken ahead now
	debt   int64           // let in without asking
	seeds  []int64         // let in before Redis was emptied, by limit
	back   map[int64]int64 // to be given back, by as of when it counts
	number int64           // of the last flight
	lost   int64           // whose answer never came; 0 is none
	unsure question        // what that one said
	lives  []string        // of the hashes
}

// lease is what may be let in without asking until a moment.
type lease struct {
	left, until, stamp atomic.Int64
	half               atomic.Int64 // of what it began with
	over               time.Time    // when it is over, as the system's clock has it; under the counter's lock
}

// flight is a question to Redis.
type flight struct {
	waiting int64
	now     int64 // the earliest moment at which it may be decided, on the clock of Take
	done    chan struct{}
	taken   int64
	err     error
}

func newCounter(l *limiter, model string, rules []config.Limit) *counter {
	n := &counter{limits: l.limits, local: l.Limiter, model: model, back: map[int64]int64{}}
	least, window := rules[0].Count, rules[0].Window
	for i, r := range rules {
		if slices.ContainsFunc(rules, func(o config.Limit) bool { return o.Window == r.Window && o.Count < r.Count }) || slices.Index(rules, r) < i {
			continue // another one says more
		}
		n.rules = append(n.rules, r)
		n.keys = append(n.keys, l.limits.cluster.key("limit", l.name+"\x00"+model+"\x00"+r.Window.String()))
		least, window = min(least, r.Count), min(window, r.Window)
	}
	n.keys = append(n.keys, l.limits.cluster.key("call", l.limits.cluster.id+"\x00"+strings.Join(n.keys, "\x00")))
	n.lives, n.seeds = make([]string, len(n.rules)), make([]int64, len(n.rules))
	n.term = termSmall
	if n.ahead = least / partOfLimit; n.ahead < leastSlice {
		n.ahead = 0
	} else {
		n.term = termLarge
	}
	n.term = max(min(n.term, window/termOfWindow), min(leastTerm, window))
	n.slice = n.ahead / 8
	return n
}

// take takes one of what was taken ahead, and tells as of when it counts.
func (n *counter) take(now int64) (stamp int64, ok bool) {
	for i := range n.leases {
		l := &n.leases[i]
		if now >= l.until.Load() {
			continue
		}
		for left := l.left.Load(); left > 0; left = l.left.Load() {
			if !l.left.CompareAndSwap(left, left-1) {
				continue
			}
			if left-1 == l.half.Load() && n.ahead > 0 && n.low.CompareAndSwap(false, true) {
				go n.refill(now)
			}
			return l.stamp.Load(), true
		}
	}
	return 0, false
}

// has says whether take would.
func (n *counter) has(now int64) bool {
	for i := range n.leases {
		if l := &n.leases[i]; now < l.until.Load() && l.left.Load() > 0 {
			return true
		}
	}
	return false
}

// isFull says whether Redis is known to have nothing left, as far as that is believed while it answers, or while it
// does not.
func (n *counter) isFull(now int64) (limit.Refusal, bool) {
	return n.full.Load().holds(n.limits.cluster.up.Load(), now)
}

// told is what Redis had left when it was asked last, if that was not long ago.
func (n *counter) told(now int64) (left int64, fresh bool) {
	at := n.leftAt.Load()
	return n.left.Load(), at > 0 && now-at < toldFor && now-at < int64(n.rules[0].Window)
}

// mayOwe says whether a request is let in whose answer is late. Where Redis is gone it is what this instance knows by
// itself that counts.
func (n *counter) mayOwe(now int64) (limit.Refusal, bool) {
	left, fresh := n.told(now)
	if !fresh || !n.limits.cluster.up.Load() {
		return limit.Refusal{}, true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.debt+1 > max(left/partOwed, min(left, 1)) {
		return limit.Refusal{Limit: n.rules[0], After: askAgain}, false
	}
	return limit.Refusal{}, true
}

// owe notes a request that was let in without asking; Redis is told when it can be.
func (n *counter) owe(now int64) {
	n.saw(now)
	n.mu.Lock()
	n.debt++
	first := n.debt == 1
	n.mu.Unlock()
	if first {
		n.limits.remember(n)
	}
}

// forgive takes owe back.
func (n *counter) forgive() {
	n.mu.Lock()
	n.debt = max(n.debt-1, 0)
	n.mu.Unlock()
}

// giveBack has Redis told that some that count as of a stamp were not used.
func (n *counter) giveBack(stamp, many int64) {
	n.mu.Lock()
	n.back[stamp] += many
	n.mu.Unlock()
	n.limits.remember(n)
}

func (n *counter) saw(now int64) {
	for was := n.seen.Load(); was < now && !n.seen.CompareAndSwap(was, now); was = n.seen.Load() {
	}
}
