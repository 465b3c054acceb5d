package relay

import (
	"sync"
	"time"
)

// mostPoints is how many points of a stream's way are kept. With more pieces each stands for several.
const mostPoints = 32

// Pace is how a stream was written: how many pieces, when.
type Pace struct {
	Pieces  int
	Bytes   int64
	Longest time.Duration // without a piece, between two

	last   time.Duration        // since the request came
	points [mostPoints][2]int64 // when, in milliseconds since then, and how many bytes had been written
	used   int
	each   int // a point stands for so many pieces
}

var paces = sync.Pool{New: func() any { return new(Pace) }}

// NewPace is the pace of a stream that begins. Whoever has taken one gives it back by End.
func NewPace() *Pace { return paces.Get().(*Pace) }

// End takes it back.
func (p *Pace) End() {
	*p = Pace{}
	paces.Put(p)
}

// Wrote notes a piece of n bytes, so long after the request came.
func (p *Pace) Wrote(n int, after time.Duration) {
	if p.Pieces > 0 {
		p.Longest = max(p.Longest, after-p.last)
	}
	p.last = after
	p.Bytes += int64(n)
	if p.each == 0 {
		p.each = 1
	}
	ms := after.Milliseconds()
	if p.used > 0 && p.points[p.used-1][0] == ms { // what comes together is one point
		p.points[p.used-1][1] = p.Bytes
		p.Pieces++
		return
	}
	if p.Pieces%p.each == 0 && p.used == mostPoints { // half of them are left
		for i := range mostPoints / 2 {
			p.points[i] = p.points[2*i]
		}
		p.used, p.each = mostPoints/2, 2*p.each
	}
	if p.Pieces%p.each == 0 {
		p.points[p.used] = [2]int64{ms, p.Bytes}
		p.used++
	}
	p.Pieces++
}

// Points has f told of each point of the way, the last one among them: when, in milliseconds since the request came,
// and how many bytes had been written then.
func (p *Pace) Points(f func(at, bytes int64)) {
	for _, point := range p.points[:p.used] {
		f(point[0], point[1])
	}
	if p.used > 0 && p.points[p.used-1][1] != p.Bytes {
		f(p.last.Milliseconds(), p.Bytes)
	}
}
