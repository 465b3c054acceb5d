package limit

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"uniapi/config"
)

// TestWhatIsLeftOfRequestsIsWhatTheWindowHasNot takes requests, some of them back, and counts those in the window one
// by one.
func TestWhatIsLeftOfRequestsIsWhatTheWindowHasNot(t *testing.T) {
	for _, text := range []string{"5/1m", "5/1m 12/1h", "3/1s 100/1m", "40/1m 9000/1h"} {
		t.Run(text, func(t *testing.T) {
			limits := limitsOf(t, text)
			chance := rand.New(rand.NewPCG(1, 2))
			store := NewLocal()
			s := store.Subject("s", perModel(t, text))
			now := int64(LongestWindow)
			var taken []int64
			check := func() {
				t.Helper()
				left := s.Left("m", now)
				if len(left) != len(limits) {
					t.Fatalf("%d limits: %v", len(left), left)
				}
				for i, l := range limits {
					since, used := now-int64(l.Window), int64(0)
					for _, at := range taken {
						if at > since {
							used++
						}
					}
					slack := int64(0)
					if l.Count > maxExact { // those that were taken back count on, and a block leaves as a whole
						slack = l.Count
					}
					got := left[i]
					if want := max(l.Count-used, 0); got.Remaining > want || got.Remaining < want-slack || got.Model != "m" || got.Quota != (config.Quota{Of: config.Requests, Count: l.Count, Window: l.Window}) {
						t.Fatalf("%+v, with %d of %d used", got, used, l.Count)
					}
					if got.Reset <= 0 || got.Reset > l.Window {
						t.Fatalf("%+v: reset", got)
					}
					if used == 0 && slack == 0 && got.Reset != l.Window {
						t.Fatalf("%+v, with nothing used", got)
					}
				}
			}
			check()
			for range 3000 {
				now += chance.Int64N(int64(limits[0].Window) / 2)
				if grant, _, ok := s.Take("m", now); ok {
					if chance.IntN(4) == 0 {
						grant.Cancel()
					} else {
						taken = append(taken, grant.At)
					}
				}
				taken = slices.DeleteFunc(taken, func(at int64) bool { return at <= now-int64(time.Hour) })
				check()
				if chance.IntN(50) == 0 {
					now += int64(2 * time.Hour)
					check()
				}
				if chance.IntN(50) == 0 {
					s = store.Subject("s", perModel(t, text))
					check()
				}
			}
		})
	}
}

func TestWhatIsLeftNamesTheModelItIsOf(t *testing.T) {
	var table config.ModelTable[config.RateLimit]
	table.Set("default", config.RateLimit{Limits: limitsOf(t, "7/1m"), Quotas: []config.Quota{{Of: config.Tokens, Count: 100, Window: time.Minute}}})
	table.Set("m", config.RateLimit{Limits: limitsOf(t, "3/1m"), Quotas: []config.Quota{{Of: config.Concurrent, Count: 2}}})
	s := NewLocal().Subject("s", table)
	for model, want := range map[string][]Left{
		"m": {{"", config.Quota{Of: config.Tokens, Count: 100, Window: time.Minute}, 100, time.Minute}, {"m", config.Quota{Of: config.Concurrent, Count: 2}, 2, 0},
			{"m", config.Quota{Of: config.Requests, Count: 3, Window: time.Minute}, 3, time.Minute}},
		"other": {{"", config.Quota{Of: config.Tokens, Count: 100, Window: time.Minute}, 100, time.Minute}, {"other", config.Quota{Of: config.Requests, Count: 7, Window: time.Minute}, 7, time.Minute}},
	} {
		if got := s.Left(model, int64(LongestWindow)); !slices.Equal(got, want) {
			t.Errorf("%s: %+v", model, got)
		}
	}
}

// TestWhatIsLeftTellsWhenTokensComeBack uses some, and some more half a minute later.
func TestWhatIsLeftTellsWhenTokensComeBack(t *testing.T) {
	s := NewLocal().Subject("s", quotas([]config.Quota{tokensAMinute}))
	take := func(when time.Duration) *Hold {
		h, _, ok := s.Hold("m", Need{Tokens: 100}, at(when), false)
		if !ok {
			t.Fatal("refused")
		}
		return &h
	}
	first := take(0)
	for _, c := range []struct {
		do        func()
		when      time.Duration
		remaining int64
		reset     time.Duration
	}{
		{func() {}, 0, 900, 0}, // under way: nobody knows
		{func() { first.Settle(Need{Tokens: 100}, at(0)) }, 0, 900, 61 * time.Second},
		{func() { take(30*time.Second).Settle(Need{Tokens: 100}, at(30*time.Second)) }, 30 * time.Second, 800, 31 * time.Second},
		{func() {}, 61 * time.Second, 900, 30 * time.Second},
		{func() {}, 92 * time.Second, 1000, time.Minute},
	} {
		c.do()
		if got := s.Left("m", at(c.when)); len(got) != 1 || got[0].Remaining != c.remaining || got[0].Reset != c.reset {
			t.Errorf("after %v: %+v, want %d in %v", c.when, got, c.remaining, c.reset)
		}
	}
}
