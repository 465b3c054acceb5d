package balancer

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"uniapi/balancer/limit"
	"uniapi/config"
)

// asked is a store of limits of which others have a say in everything. It notes what it is asked for at once.
type asked struct {
	limit.Store
	large   bool   // limits of requests are decided here
	refuses string // what is refused
	trips   [][]string
	undone  []string
}

func (s *asked) Subject(name string, table config.ModelTable[config.RateLimit]) limit.Limiter {
	inner := s.Store.Subject(name, table)
	if inner == (limit.Unlimited{}) {
		return inner
	}
	return &askedLimiter{inner, s}
}

func (s *asked) Confirm(_ context.Context, grants []limit.Grant) (int, limit.Refusal, error) {
	var trip []string
	refused := -1
	for i, g := range grants {
		what := g.Record.(*askedRecord).what
		if trip = append(trip, what); what == s.refuses {
			refused = i
		}
	}
	s.trips = append(s.trips, trip)
	return refused, limit.Refusal{}, nil
}

type askedLimiter struct {
	limit.Limiter
	store *asked
}

func (l *askedLimiter) Asks(string) bool { return !l.store.large }

func (l *askedLimiter) Take(_ string, now int64) (limit.Grant, limit.Refusal, bool) {
	g := limit.Grant{Record: &askedRecord{l.store, "requests"}, At: now}
	if l.store.large {
		return g, limit.Refusal{}, true
	}
	return g.IfConfirmed(), limit.Refusal{}, true
}

func (l *askedLimiter) Hold(string, limit.Need, int64, bool) (limit.Hold, limit.Refusal, bool) {
	return limit.Hold{}.With(&askedRecord{l.store, "quotas"}), limit.Refusal{}, true
}

type askedRecord struct {
	store *asked
	what  string
}

func (r *askedRecord) Unsure() bool                    { return true }
func (r *askedRecord) Settle(limit.Need)               {}
func (r *askedRecord) Cancel(uint64, int64)            { r.store.undone = append(r.store.undone, r.what) }
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
