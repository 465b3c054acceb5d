package relay

import (
	"testing"
	"time"
)

func TestWayOfAStreamIsKeptInFewPoints(t *testing.T) {
	for _, pieces := range []int{1, 2, mostPoints, mostPoints + 1, 100, 10_000} {
		var p Pace
		for i := range pieces {
			p.Wrote(10, time.Duration(i)*time.Millisecond)
		}
		if p.Pieces != pieces || p.Bytes != int64(10*pieces) || pieces > 1 && p.Longest != time.Millisecond {
			t.Errorf("%d pieces: %d, %d bytes, longest %v", pieces, p.Pieces, p.Bytes, p.Longest)
		}
		if p.used > mostPoints || p.used < min(pieces, mostPoints/2) {
			t.Errorf("%d pieces left %d points", pieces, p.used)
		}
		for i, point := range p.points[:p.used] {
			if want := ([2]int64{int64(i * p.each), int64(10 * (i*p.each + 1))}); point != want {
				t.Fatalf("%d pieces: point %d is %v, want %v", pieces, i, point, want)
			}
		}
	}
}

// TestPaceKeepsAPointOfAMillisecond has a stream that comes quicker than anybody looks, and one that takes its time.
func TestPaceKeepsAPointOfAMillisecond(t *testing.T) {
	for name, c := range map[string]struct {
		pieces int
		each   time.Duration
		points int
		last   [2]int64
	}{
		"a thousand in a millisecond": {1000, time.Microsecond, 1, [2]int64{0, 10_000}},
		"ten in each of three":        {30, 100 * time.Microsecond, 3, [2]int64{2, 300}},
		"one in each of ten":          {10, time.Millisecond, 10, [2]int64{9, 100}},
		"one in each of a hundred":    {100, time.Millisecond, 25, [2]int64{96, 970}},
	} {
		var p Pace
		for i := range c.pieces {
			p.Wrote(10, time.Duration(i)*c.each)
		}
		if p.used != c.points || p.points[p.used-1] != c.last || p.Pieces != c.pieces || p.Bytes != int64(10*c.pieces) {
			t.Errorf("%s: %d points, the last %v; %d pieces of %d bytes", name, p.used, p.points[p.used-1], p.Pieces, p.Bytes)
		}
	}
}
