package schedule

import (
	"math"
	"sync"
	"testing"
	"time"
)

const second = int64(time.Second)

func TestLoadKnowsHowLongAnswersTakeOfLate(t *testing.T) {
	const faded = 1471518 * time.Microsecond // 4 s to the third that is left
	var l Load
	is := func(now int64, want time.Duration, what string) {
		t.Helper()
		begin, _ := l.Times(now)
		if math.Abs(float64(begin-want)) > float64(want)/50 {
			t.Errorf("%s: answers begin after %v, want about %v", what, begin, want)
		}
	}
	is(second, 0, "nothing was noted")
	l.Began(second, 400*time.Millisecond)
	is(second, 400*time.Millisecond, "the first answer")
	l.Began(second, 4*time.Second)
	is(second, 4*time.Second, "a slow one counts at once")
	l.Began(second, 100*time.Millisecond)
	is(second, 4*time.Second, "a quick one of the same moment does not")
	is(second+int64(fade), faded, "with time it fades")
	l.Began(second+int64(fade), 100*time.Millisecond)
	is(second+int64(fade), faded+63*time.Millisecond, "a quick one after a while counts for the most of it")
	is(second+100*int64(fade), 0, "in the end nothing is known")
	l.Began(second, 2*time.Hour)
	is(second, math.MaxUint32*time.Microsecond, "what is longer than anything")
	if _, end := l.Times(second); end != 0 {
		t.Errorf("answers end after %v, and none has", end)
	}
}

func TestLoadIsSharedWithoutALock(t *testing.T) {
	var l Load
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for now := range int64(2000) {
				l.Begin()
				l.Began(second+now*1e6, time.Second)
				l.Took(second+now*1e6, 3*time.Second)
				l.End()
			}
		})
	}
	group.Wait()
	begin, end := l.Times(second + 2000*1e6)
	if l.UnderWay() != 0 || begin.Round(10*time.Millisecond) != time.Second || end.Round(10*time.Millisecond) != 3*time.Second {
		t.Errorf("%d under way, answers begin after %v and end after %v", l.UnderWay(), begin, end)
	}
}
