package saturate

import (
	"math"
	"sync/atomic"
)

// Counter is a number from zero up that many add to at once, and that stops at its end. It costs what an atomic.Int64
// does: a sum that has turned round is below zero, where the number never is, so it reads as the end, and whoever
// turned it puts it there. The zero value is 0.
type Counter struct{ n atomic.Int64 }

// Most is how much one Add adds at most. It is what keeps the sum from being turned round twice, unseen: 128 would have
// to be in the middle of an Add at the end of the range, all at once.
const Most = 1 << 56

// Add adds to the number, at most Most either way. It must not be taken below zero.
func (c *Counter) Add(by int64) {
	if c.n.Add(min(max(by, -Most), Most)) < 0 && by > 0 {
		c.n.Store(math.MaxInt64)
	}
}

// Load is the number.
func (c *Counter) Load() int64 { return read(c.n.Load()) }

// Take is the number, which begins again at 0.
func (c *Counter) Take() int64 { return read(c.n.Swap(0)) }

// Change puts what next makes of the number in its place, at least 0, and returns by how much it has changed. While
// others change the number too, next may be asked again. With ok false nothing changes.
func (c *Counter) Change(next func(now int64) (then int64, ok bool)) (by int64, changed bool) {
	for {
		old := c.n.Load()
		then, ok := next(read(old))
		if !ok {
			return 0, false
		}
		if then = max(then, 0); c.n.CompareAndSwap(old, then) {
			return Sub(then, read(old)), true
		}
	}
}

func read(n int64) int64 {
	if n < 0 {
		return math.MaxInt64
	}
	return n
}
