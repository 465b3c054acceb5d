package limit

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/config"
)

// quotas is a table with quotas for all models together, and for one of them.
func quotas(all []config.Quota, ofM ...config.Quota) config.ModelTable[config.RateLimit] {
	var table config.ModelTable[config.RateLimit]
	table.Set("default", config.RateLimit{Quotas: all})
	if len(ofM) > 0 {
		table.Set("m", config.RateLimit{Quotas: ofM})
	}
	return table
}

var (
	tokensAMinute = config.Quota{Of: config.Tokens, Count: 1000, Window: time.Minute}
	dollarsADay   = config.Quota{Of: config.Money, Count: 5e9, Window: 24 * time.Hour, Zone: "UTC"}
	two           = config.Quota{Of: config.Concurrent, Count: 2}
	threeADay     = config.Quota{Of: config.Requests, Count: 3, Window: 24 * time.Hour, Zone: "Europe/Berlin"}
)

// at is a time of the tests' clock.
func at(d time.Duration) int64 { return int64(LongestWindow + d) }

// storeAt is a store whose clock on the wall says what the test says.
func storeAt(wall *time.Time) *local {
	s := NewLocal().(*local)
	s.wall = func() time.Time { return *wall }
	return s
}

func TestTokensAreReservedAndSettled(t *testing.T) {
	s := NewLocal().Subject("k", quotas([]config.Quota{tokensAMinute}))
	var holds []Hold
	for i, want := range []bool{true, true, true, false} {
		h, refusal, ok := s.Hold("m", Need{Tokens: 300}, at(0), false)
		if ok != want {
			t.Fatalf("request %d: %v %v", i, ok, refusal)
		}
		holds = append(holds, h)
	}
	if _, _, ok := s.Hold("other", Need{Tokens: 101}, at(0), false); ok {
		t.Error("another model of the same subject has tokens of its own")
	}
	for i := range 3 {
		holds[i].Settle(Need{Tokens: 100}, at(time.Second))
		holds[i].Settle(Need{Tokens: 100}, at(time.Second)) // again: nothing
	}
	if _, _, ok := s.Hold("m", Need{Tokens: 701}, at(time.Second), false); ok {
		t.Error("300 were used, and 701 are allowed")
	}
	h, _, ok := s.Hold("m", Need{Tokens: 700}, at(time.Second), false)
	if !ok {
		t.Error("300 were used, and 700 are refused")
	}
	h.Cancel(at(time.Second))
	_, refusal, ok := s.Hold("m", Need{Tokens: 1000}, at(30*time.Second), false)
	if ok || refusal.After < 31*time.Second || refusal.After > 33*time.Second || refusal.String() != "1000 tokens per minute" {
		t.Errorf("%v, %v, %q", ok, refusal.After, refusal)
	}
	if _, _, ok := s.Hold("m", Need{Tokens: 1000}, at(30*time.Second)+int64(refusal.After), false); !ok {
		t.Error("refused when it said that it would allow it")
	}
}

func TestRequestOfMoreTokensThanThereEverAreGoesByItself(t *testing.T) {
	s := NewLocal().Subject("k", quotas([]config.Quota{tokensAMinute}))
	h, _, ok := s.Hold("m", Need{Tokens: 5000}, at(0), false)
	if !ok {
		t.Fatal("it would wait for ever")
	}
	if _, _, ok := s.Hold("m", Need{Tokens: 1}, at(0), false); ok {
		t.Error("another one goes beside it")
	}
	h.Settle(Need{Tokens: 10}, at(0))
	if _, _, ok := s.Hold("m", Need{Tokens: 5000}, at(0), false); ok {
		t.Error("it goes beside what was used")
	}
}

func TestMoneyIsOverspentByOneRequestAtMost(t *testing.T) {
	s := NewLocal().Subject("k", quotas([]config.Quota{dollarsADay}))
	spent, most := int64(0), int64(3e9)
	for range 100 {
		var together []Hold
		for range 10 {
			if h, _, ok := s.Hold("m", Need{Money: most}, at(0), false); ok {
				together = append(together, h)
			}
		}
		for i := range together {
			came := rand.Int64N(most/20 + 1)
			spent += came
			together[i].Settle(Need{Money: came}, at(0))
		}
	}
	if spent < dollarsADay.Count || spent > dollarsADay.Count+most {
		t.Errorf("%d of %d were spent, one request may cost %d", spent, dollarsADay.Count, most)
	}
}

func TestRequestsAtOnceAreThoseThatHaveNotEnded(t *testing.T) {
	s := NewLocal().Subject("k", quotas([]config.Quota{two}))
	first, _, _ := s.Hold("m", Need{}, at(0), false)
	second, _, _ := s.Hold("n", Need{}, at(0), false)
	if _, refusal, ok := s.Hold("m", Need{}, at(time.Hour), false); ok || refusal.String() != "2 requests at once" {
		t.Errorf("%v %q", ok, refusal)
	}
	if _, ok := s.Check("m", Need{}, at(time.Hour)); ok {
		t.Error("Check says that a third may come")
	}
	first.Settle(Need{}, at(time.Hour))
	third, _, ok := s.Hold("m", Need{}, at(time.Hour), false)
	if !ok {
		t.Error("one has ended, and none may come")
	}
	second.Cancel(at(time.Hour))
	third.Cancel(at(time.Hour))
	if left := s.Left("m", at(time.Hour)); len(left) != 1 || left[0].Remaining != 2 {
		t.Errorf("%v", left)
	}
}

func TestCalendarsBeginAnewWhereTheyAre(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		quota  config.Quota
		wall   time.Time
		before time.Duration // until it begins anew
	}{
		{"a day of 24 hours", threeADay, time.Date(2026, 5, 4, 22, 30, 0, 0, berlin), 90 * time.Minute},
		{"the day on which summer begins", threeADay, time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), 23 * time.Hour},
		{"the day on which summer ends", threeADay, time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), 25 * time.Hour},
		{"February", config.Quota{Of: config.Requests, Count: 3, Window: 30 * 24 * time.Hour, Zone: "UTC"}, time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), 28 * 24 * time.Hour},
		{"a year", config.Quota{Of: config.Requests, Count: 3, Window: 365 * 24 * time.Hour, Zone: "UTC"}, time.Date(2027, 12, 31, 23, 0, 0, 0, time.UTC), time.Hour},
		{"an hour", config.Quota{Of: config.Requests, Count: 3, Window: time.Hour, Zone: "Asia/Kolkata"}, time.Date(2026, 5, 4, 10, 15, 0, 0, time.UTC), 15 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			wall := test.wall
			s := storeAt(&wall).Subject("k", quotas([]config.Quota{test.quota}))
			for range 3 {
				h, _, ok := s.Hold("m", Need{}, at(0), false)
				if !ok {
					t.Fatal("refused")
				}
				h.Settle(Need{}, at(0))
			}
			_, refusal, ok := s.Hold("m", Need{}, at(0), false)
			if ok || refusal.After != test.before {
				t.Errorf("%v, begins anew in %v", ok, refusal.After)
			}
			if h, _, ok := s.Hold("n", Need{}, at(0), false); !ok {
				t.Error("requests of another model are not counted by themselves")
			} else {
				h.Cancel(at(0))
			}
			wall = test.wall.Add(test.before - time.Second)
			if _, _, ok := s.Hold("m", Need{}, at(test.before-time.Second), false); ok {
				t.Error("allowed a second before")
			}
			wall = test.wall.Add(test.before)
			if _, _, ok := s.Hold("m", Need{}, at(test.before), false); !ok {
				t.Error("refused when it begins anew")
			}
			wall = test.wall // set back
			if left := s.Left("m", at(test.before+time.Hour)); left[0].Remaining != 2 {
				t.Errorf("a clock that is set back leaves %d", left[0].Remaining)
			}
		})
	}
}

func TestModelsQuotaHoldsBesideThatOfAllModels(t *testing.T) {
	s := NewLocal().Subject("k", quotas([]config.Quota{{Of: config.Tokens, Count: 1000, Window: time.Minute}}, config.Quota{Of: config.Tokens, Count: 100, Window: time.Minute}))
	if _, refusal, ok := s.Hold("m", Need{Tokens: 60}, at(0), false); !ok {
		t.Fatal(refusal)
	}
	if _, refusal, ok := s.Hold("m", Need{Tokens: 60}, at(0), false); ok || refusal.Quota.Count != 100 {
		t.Errorf("%v %v", ok, refusal)
	}
	if _, _, ok := s.Hold("n", Need{Tokens: 940}, at(0), false); !ok {
		t.Error("what the model's quota refused is held by that of all")
	}
	if _, refusal, ok := s.Hold("m", Need{Tokens: 10}, at(0), false); ok || refusal.Quota.Count != 1000 {
		t.Errorf("%v %v", ok, refusal)
	}
}

func TestQuotasGoOnInTheNextProcess(t *testing.T) {
	sliding := config.Quota{Of: config.Tokens, Count: 1000, Window: time.Hour}
	for _, test := range []struct {
		name  string
		quota config.Quota
		need  Need
		pass  time.Duration
		left  int64
	}{
		{"money of the day", dollarsADay, Need{Money: 3e9}, time.Hour, 2e9},
		{"money of the day before", dollarsADay, Need{Money: 3e9}, 25 * time.Hour, 5e9},
		{"tokens of the hour", sliding, Need{Tokens: 300}, 50 * time.Minute, 700},
		{"tokens of the hour before", sliding, Need{Tokens: 300}, 62 * time.Minute, 1000},
		{"requests of the day", threeADay, Need{}, time.Hour, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			wall := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
			first := storeAt(&wall)
			s := first.Subject("k", quotas([]config.Quota{test.quota, tokensAMinute}))
			h, _, ok := s.Hold("m", test.need, at(0), false)
			if !ok {
				t.Fatal("refused")
			}
			h.Settle(test.need, at(0))
			s.Hold("m", test.need, at(0), false)
			if test.quota.Of == config.Requests { // it has been made, and counts
				test.left--
			}
			kept := first.Changes(at(0), wall)
			if len(kept) != 1 || len(first.Changes(at(0), wall)) != 0 {
				t.Errorf("%d changes", len(kept))
			}
			wall = wall.Add(test.pass)
			next := storeAt(&wall)
			if n := next.Restore(kept, at(time.Second), wall); n > 0 {
				t.Fatal("unreadable")
			}
			left := next.Subject("k", quotas([]config.Quota{test.quota, tokensAMinute})).Left("m", at(time.Second))
			for _, l := range left {
				if l.Quota == test.quota && l.Remaining != test.left || l.Quota == tokensAMinute && l.Remaining != 1000 {
					t.Errorf("%v has %d left", l.Quota, l.Remaining)
				}
			}
			if len(left) != 2 {
				t.Errorf("%v", left)
			}
		})
	}
}

func TestReloadKeepsWhatIsHeldAndUsed(t *testing.T) {
	store := NewLocal()
	s := store.Subject("k", quotas([]config.Quota{tokensAMinute, two}))
	h, _, _ := s.Hold("m", Need{Tokens: 400}, at(0), false)
	more := tokensAMinute
	more.Count = 2000
	s = store.Subject("k", quotas([]config.Quota{more, dollarsADay, two}))
	if left := s.Left("m", at(0)); left[0].Remaining != 1600 || left[1].Remaining != 5e9 || left[2].Remaining != 1 {
		t.Errorf("while it is under way: %v", left)
	}
	h.Settle(Need{Tokens: 100, Money: 1e9}, at(0))
	if left := s.Left("m", at(0)); left[0].Remaining != 1900 || left[1].Remaining != 4e9 || left[2].Remaining != 2 {
		t.Errorf("afterwards: %v", left)
	}
}

func TestSweepsAndReloadsDuringARaceOfHoldsLoseNothing(t *testing.T) {
	store := NewLocal().(*local)
	limits := []config.Quota{{Of: config.Tokens, Count: 1 << 40, Window: 24 * time.Hour}, {Of: config.Concurrent, Count: 8}}
	newSubject := func() Limiter { return store.Subject("k", quotas(limits)) }
	var subject atomic.Pointer[Limiter]
	first := newSubject()
	subject.Store(&first)
	var all sync.WaitGroup
	var came, inFlight, most atomic.Int64
	stop := make(chan struct{})
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			next := newSubject()
			subject.Store(&next)
			store.mu.Lock()
			store.sweep(at(time.Minute))
			store.mu.Unlock()
			store.Changes(at(time.Minute), time.Now())
		}
	})
	var workers sync.WaitGroup
	for range 12 {
		workers.Go(func() {
			for range 3000 {
				h, _, ok := (*subject.Load()).Hold("m", Need{Tokens: 5}, at(time.Minute), false)
				if !ok {
					continue
				}
				n := inFlight.Add(1)
				for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
				}
				came.Add(3)
				inFlight.Add(-1)
				h.Settle(Need{Tokens: 3}, at(time.Minute))
			}
		})
	}
	workers.Wait()
	close(stop)
	all.Wait()
	left := newSubject().Left("m", at(time.Minute))
	if used := limits[0].Count - left[0].Remaining; used != came.Load() || used == 0 {
		t.Errorf("%d counted, %d used", used, came.Load())
	}
	if left[1].Remaining != 8 || most.Load() > 8 {
		t.Errorf("%d of 8 are free, and %d were at once", left[1].Remaining, most.Load())
	}
}

// BenchmarkHold is what quotas of tokens, money and requests at once cost a request from its beginning to its end.
func BenchmarkHold(b *testing.B) {
	table := quotas([]config.Quota{{Of: config.Tokens, Count: 1 << 50, Window: time.Minute}, {Of: config.Money, Count: 1 << 50, Window: 24 * time.Hour, Zone: "UTC"}, {Of: config.Concurrent, Count: 1000}})
	table.Set("gpt-4o-mini", config.RateLimit{Quotas: []config.Quota{{Of: config.Tokens, Count: 1 << 50, Window: time.Minute}}})
	for _, c := range []struct {
		name  string
		table config.ModelTable[config.RateLimit]
	}{{"tokens, money and requests at once", quotas([]config.Quota{{Of: config.Tokens, Count: 1 << 50, Window: time.Minute}, {Of: config.Money, Count: 1 << 50, Window: 24 * time.Hour, Zone: "UTC"}, two})},
		{"the same and a model's", table}, {"none", config.ModelTable[config.RateLimit]{}}} {
		b.Run(c.name, func(b *testing.B) {
			s := NewLocal().Subject("k", c.table)
			b.ReportAllocs()
			now := at(0)
			for b.Loop() {
				now += 1000
				h, _, ok := s.Hold("gpt-4o-mini", Need{Tokens: 100, Money: 1000}, now, false)
				if !ok {
					b.Fatal("refused")
				}
				h.Settle(Need{Tokens: 50, Money: 500}, now)
			}
		})
		b.Run(c.name+" parallel", func(b *testing.B) {
			s := NewLocal().Subject("k", c.table)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				now := at(0)
				for pb.Next() {
					now += 1000
					if h, _, ok := s.Hold("gpt-4o-mini", Need{Tokens: 100, Money: 1000}, now, false); ok {
						h.Settle(Need{Tokens: 50, Money: 500}, now)
					}
				}
			})
		})
	}
}
