package balancer

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// asked is a store of limits of which others have a say in everything. It notes what it is asked for at once.
type asked struct {
	limit.Store
	large   bool   // limits of requests are decided here
	refuses string // what is refused: requests or quotas, or these of a subject
	waits   func() // before it answers
	mu      sync.Mutex
	trips   [][]string
	undone  []string
}

func (s *asked) Subject(name string, table config.ModelTable[config.RateLimit]) limit.Limiter {
	inner := s.Store.Subject(name, table)
	if inner == (limit.Unlimited{}) {
		return inner
	}
	return &askedLimiter{inner, s, strings.Fields(name)[0]}
}

func (s *asked) Confirm(_ context.Context, grants []limit.Grant) (int, limit.Refusal, error) {
	if s.waits != nil {
		s.waits()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var trip []string
	refused := -1
	for i, g := range grants {
		r := g.Record.(*askedRecord)
		r.sure = true
		if trip = append(trip, r.what); r.what == s.refuses || r.of+" "+r.what == s.refuses {
			refused = i
		}
	}
	s.trips = append(s.trips, trip)
	return refused, limit.Refusal{}, nil
}

type askedLimiter struct {
	limit.Limiter
	store *asked
	of    string // key, model or all
}

func (l *askedLimiter) Asks(string) bool { return !l.store.large }

func (l *askedLimiter) Take(_ string, now int64) (limit.Grant, limit.Refusal, bool) {
	g := limit.Grant{Record: &askedRecord{l.store, l.of, "requests", false}, At: now}
	if l.store.large {
		return g, limit.Refusal{}, true
	}
	return g.IfConfirmed(), limit.Refusal{}, true
}

func (l *askedLimiter) Hold(string, limit.Need, int64, bool) (limit.Hold, limit.Refusal, bool) {
	return limit.Hold{}.With(&askedRecord{l.store, l.of, "quotas", false}, limit.Need{}), limit.Refusal{}, true
}

type askedRecord struct {
	store    *asked
	of, what string
	sure     bool // it was asked about
}

func (r *askedRecord) Asked() limit.Record {
	if r.sure {
		return nil
	}
	return r
}

func (r *askedRecord) End(_, _ limit.Need, undone bool) {
	if undone {
		r.Cancel(0, 0)
	}
}

func (r *askedRecord) Cancel(uint64, int64) {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.store.undone = append(r.store.undone, r.what)
}
func (r *askedRecord) Quota(uint64, int64) limit.Quota { return limit.Quota{} }

func TestAdmitAsksForAllSmallLimitsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		large         bool
		refuses       string
		trips, undone []string
	}{
		"small":                       {false, "", []string{"quotas requests"}, nil},
		"small, quotas refuse":        {false, "quotas", []string{"quotas requests"}, []string{"requests", "quotas"}},
		"small, requests are refused": {false, "requests", []string{"quotas requests"}, []string{"requests", "quotas"}},
		"large":                       {true, "", []string{"quotas"}, nil},
		"large, quotas refuse":        {true, "quotas", []string{"quotas"}, []string{"quotas"}}, // nothing is taken of what cannot be given back
	} {
		t.Run(name, func(t *testing.T) {
			s := &asked{Store: limit.NewLocal(), large: c.large, refuses: c.refuses}
			f := instances(1, Stores{Limits: s}, func(f *fixture) *fixture {
				f.key("sk", config.FixedPriority).cfg.APIKeys[0].Preferences.RateLimit.Set("default", limitedTo(5))
				return f
			})[0]
			_, refused := f.table.Key("sk").Admit(t.Context(), limit.Need{Tokens: 1}, "m")
			if (refused != nil) != (c.refuses != "") {
				t.Errorf("refused: %+v", refused)
			}
			var trips []string
			for _, trip := range s.trips {
				trips = append(trips, strings.Join(trip, " "))
			}
			if !reflect.DeepEqual(trips, c.trips) || !reflect.DeepEqual(s.undone, c.undone) {
				t.Errorf("asked for %q and taken back %q, want %q and %q", trips, s.undone, c.trips, c.undone)
			}
		})
	}
}

// TestWhatAKeysOwnLimitsRefuseTakesNoneOfAllKeys has a key go on asking when its own limits have refused it, and ask
// with many requests at once.
func TestWhatAKeysOwnLimitsRefuseTakesNoneOfAllKeys(t *testing.T) {
	setup := func(s *asked) *Key {
		f := instances(1, Stores{Limits: s}, func(f *fixture) *fixture {
			f.key("sk", config.FixedPriority).cfg.APIKeys[0].Preferences.RateLimit.Set("default", limitedTo(5))
			f.cfg.Preferences.RateLimit = limitedTo(10)
			return f
		})[0]
		return f.table.Key("sk")
	}
	const together, own, shared = "quotas quotas requests requests", "quotas requests", "quotas requests"
	for _, refuses := range []string{"key quotas", "key requests"} {
		t.Run(refuses, func(t *testing.T) {
			s := &asked{Store: limit.NewLocal(), refuses: refuses}
			k := setup(s)
			for range 3 {
				if _, refused := k.Admit(t.Context(), limit.Need{Tokens: 1}, "m"); refused == nil || refused.Global || refused.Shared {
					t.Fatalf("refused: %+v", refused)
				}
			}
			s.refuses = ""
			if _, refused := k.Admit(t.Context(), limit.Need{Tokens: 1}, "m"); refused != nil {
				t.Fatalf("refused: %+v", refused)
			}
			var trips []string
			for _, trip := range s.trips {
				trips = append(trips, strings.Join(trip, " "))
			}
			if want := []string{together, own, own, own, shared}; !reflect.DeepEqual(trips, want) {
				t.Errorf("asked for %q, want %q", trips, want)
			}
		})
	}
	t.Run("many at once", func(t *testing.T) {
		const requests = 3 * mostTogether
		arrived, goOn := make(chan struct{}, requests), make(chan struct{})
		s := &asked{Store: limit.NewLocal(), refuses: "key quotas", waits: func() {
			arrived <- struct{}{}
			<-goOn
		}}
		k := setup(s)
		var all sync.WaitGroup
		for range requests {
			all.Go(func() { k.Admit(t.Context(), limit.Need{Tokens: 1}, "m") })
		}
		for range requests {
			<-arrived
		}
		close(goOn)
		all.Wait()
		at := 0
		for _, trip := range s.trips {
			if len(trip) == len(strings.Fields(together)) {
				at++
			}
		}
		if len(s.trips) != requests || at != mostTogether {
			t.Errorf("%d of %d asked for everything at once, want %d", at, len(s.trips), mostTogether)
		}
	})
}
