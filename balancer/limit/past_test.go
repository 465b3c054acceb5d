package limit

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"uniapi/config"
)

// another makes the store of a process that takes over from one.
func another(t testing.TB, from Store, now int64, wall time.Time, kept map[string][]byte, later int64) Store {
	t.Helper()
	for name, state := range from.Changes(now, wall) {
		if Until(state) <= wall.Unix() {
			t.Fatalf("what was counted just now may be forgotten in second %d", Until(state))
		}
		kept[name] = state
	}
	s := NewLocal()
	if n := s.Restore(kept, later, wall); n > 0 {
		t.Fatalf("%d of %d cannot be read", n, len(kept))
	}
	return s
}

func TestLongWindowsGoOnInTheNextProcess(t *testing.T) {
	for _, text := range []string{"3/1h", "30/24h", "20/1m 700/24h", "5000/24h", "50/1h 4500/720h", "1000/1h"} {
		t.Run(text, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 3))
			limits := strictest(limitsOf(t, text))
			longest := limits[len(limits)-1]
			ref := naive{limits: []config.Limit{longest}}
			now, wall := int64(LongestWindow), time.Unix(1_800_000_000, 0)
			kept := map[string][]byte{}
			s := NewLocal()
			subject := s.Subject("key", perModel(t, text))
			refused := 0
			step := 2 * int64(longest.Window) / longest.Count
			for i := range min(4*longest.Count, 2*longest.Count+1000) {
				by := random.Int64N(step) / 2
				now += by
				wall = wall.Add(time.Duration(by))
				if i%(longest.Count/3+1) == 0 {
					// The clock of the next process is another one.
					later := int64(LongestWindow) + random.Int64N(int64(time.Hour))
					s = another(t, s, now, wall, kept, later)
					for j := range ref.times {
						ref.times[j] += later - now
					}
					now = later
					subject = s.Subject("key", perModel(t, text))
				}
				grant, refusal, ok := subject.Take("m", now)
				used, _ := ref.used(longest, now)
				if ok {
					if used >= longest.Count {
						t.Fatalf("request %d: allowed, with %d in the window", i, used)
					}
					ref.times = append(ref.times, grant.At)
					continue
				}
				if refusal.Limit != longest {
					continue
				}
				refused++
				// A part of the window, for the batches of each process, and a block of a large limit.
				early := longest
				early.Window += longest.Window / 50
				if used, _ := ref.used(early, now); used < longest.Count-longest.Count/500-1 {
					t.Fatalf("request %d: refused, with %d in a somewhat longer window", i, used)
				}
			}
			if refused == 0 {
				t.Error("the limit was never reached")
			}
		})
	}
}

func TestOnlyWhatHasChangedIsKept(t *testing.T) {
	s, now, wall := NewLocal(), int64(LongestWindow), time.Unix(1_800_000_000, 0)
	day, short := s.Subject("day", perModel(t, "5/24h")), s.Subject("short", perModel(t, "5/1m"))
	count := func(want int, when string) {
		t.Helper()
		if got := len(s.Changes(now, wall)); got != want {
			t.Errorf("%s: %d changes, not %d", when, got, want)
		}
	}
	count(0, "at first")
	day.Take("a", now)
	grant, _, _ := day.Take("b", now)
	short.Take("a", now)
	count(2, "two counters of a day, and one of a minute")
	count(0, "nothing since")
	grant.Cancel()
	count(1, "one taken back")
	for range 10 {
		day.Take("a", now)
	}
	count(1, "as many as go, and some refused")
	day.Take("a", now)
	count(0, "one refused")
}

func TestWhatAnEarlierProcessCountedIsForgottenWithItsWindow(t *testing.T) {
	s, now, wall := NewLocal(), int64(LongestWindow), time.Unix(1_800_000_000, 0)
	s.Subject("k", perModel(t, "2/24h")).Take("m", now)
	kept := map[string][]byte{}
	another(t, s, now, wall, kept, now)
	for _, test := range []struct {
		pass time.Duration
		left int
	}{{0, 1}, {23 * time.Hour, 1}, {24*time.Hour + time.Second, 2}, {-time.Hour, 1}, {401 * 24 * time.Hour, 2}} {
		next := NewLocal()
		next.Restore(kept, now, wall.Add(test.pass))
		subject, left := next.Subject("k", perModel(t, "2/24h")), 0
		for {
			if _, _, ok := subject.Take("m", now); !ok {
				break
			}
			left++
		}
		if left != test.left {
			t.Errorf("%v later %d requests were left, not %d", test.pass, left, test.left)
		}
	}
}

func FuzzPast(f *testing.F) {
	now, wall := int64(LongestWindow), time.Unix(1_800_000_000, 0)
	p := past{requests: []batch{{now, 3}, {now - int64(time.Hour), 1}, {now - int64(30*time.Hour), 40}}}
	f.Add(p.encode(wall.Add(time.Hour), now, wall))
	f.Add([]byte{pastVersion, 0, 0, 0, 0, 1, 0, 0, 0, 255, 255, 3})
	f.Fuzz(func(t *testing.T, state []byte) {
		p, err := decodePast(state, now, wall)
		if err != nil {
			return
		}
		last := now
		for _, b := range p.requests {
			if b.at > last || b.at <= 0 || b.n == 0 || b.n > mostAtOnce {
				t.Fatalf("%+v behind %d", b, last)
			}
			last = b.at
		}
		for _, text := range []string{"3/1h", "4000/1h 100000/24h"} {
			limiter := newLimiter(limitsOf(t, text))
			limiter.recall(p.requests, now)
			for range 4 {
				limiter.take(now, true)
			}
		}
	})
}

func BenchmarkChanges(b *testing.B) {
	for _, counters := range []int{100, 10_000} {
		b.Run(fmt.Sprint(counters, " counters"), func(b *testing.B) {
			s, now, wall := NewLocal(), int64(LongestWindow), time.Unix(1_800_000_000, 0)
			subject := s.Subject("k", perModel(b, "1000/24h"))
			for i := range counters {
				subject.Take(fmt.Sprint("m", i), now)
			}
			s.Changes(now, wall)
			b.ReportAllocs()
			for b.Loop() {
				s.Changes(now, wall)
			}
		})
	}
}
