package balancer

import (
	"fmt"
	"math"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/balancer/schedule"
	"uniapi/config"
)

// affine is a fixture whose conversations are kept where they were.
func (f *fixture) affine() *fixture {
	f.cfg.Preferences.Affinity = true
	return f
}

// spread of a number, as hashes of texts are.
func conversation(n int) uint64 { return schedule.IDOf("conversation", fmt.Sprint(n)) }

// served is where the first attempt of a conversation's request goes: "channel/key".
func (f *fixture) servedAt(key *Key, conversation uint64) string {
	plan := Plan{Attributes: Attributes{Conversation: conversation}}
	plan.Start(key, key.Find("m"))
	a, ok := plan.Next()
	if !ok {
		return ""
	}
	plan.Report(a, Outcome{Verdict: Served})
	return fmt.Sprint(a.Provider.Config.Name, "/", a.Provider.Config.Keys[a.Key])
}

func TestConversationStaysWhereItWas(t *testing.T) {
	for _, schedule := range schedules {
		t.Run(string(schedule), func(t *testing.T) {
			f := providers("a=3", "b=3", "c=3").affine().key("sk", schedule).build()
			key := f.table.Key("sk")
			at := map[string]int{}
			for n := range 3000 {
				first := f.servedAt(key, conversation(n))
				at[first]++
				if again := f.servedAt(key, conversation(n)); again != first {
					t.Fatalf("conversation %d goes to %s, and then to %s", n, first, again)
				}
			}
			places := 9
			if schedule == config.FixedPriority {
				places = 3 // the keys of the first channel
			}
			if len(at) != places {
				t.Errorf("they go to %v", at)
			}
			for place, n := range at {
				if share := 3000 / places; n < share*3/4 || n > share*5/4 {
					t.Errorf("%s has %d of 3000", place, n)
				}
			}
		})
	}
}

// What the configuration looks like otherwise makes no difference, so several
// gateways choose alike, and whoever is added takes only its own part.
func TestAffinityIsTheSameWhateverStandsBeside(t *testing.T) {
	one := providers("a=2", "b=2", "c=2").affine().key("sk", config.RoundRobin).build()
	other := providers("c=2", "a=2", "d=2", "b=2").affine().key("sk", config.RoundRobin).build()
	moved, stolen := 0, 0
	for n := range 4000 {
		before, after := one.servedAt(one.table.Key("sk"), conversation(n)), other.servedAt(other.table.Key("sk"), conversation(n))
		switch {
		case before == after:
		case after[0] == 'd':
			moved++
		default:
			stolen++
		}
	}
	if stolen != 0 || moved < 800 || moved > 1200 {
		t.Errorf("%d went to the new one, %d elsewhere", moved, stolen)
	}
}

// Whoever's place rests goes to the next one, and comes back.
func TestConversationComesBackAfterARest(t *testing.T) {
	f := providers("a=2", "b=2", "c=2").affine().key("sk", config.RoundRobin).build()
	key := f.table.Key("sk")
	before := make([]string, 1000)
	for n := range before {
		before[n] = f.servedAt(key, conversation(n))
	}
	resting := before[0]
	plan := Plan{Attributes: Attributes{Conversation: conversation(0)}}
	plan.Start(key, key.Find("m"))
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: KeyRefused})
	for n := range before {
		if at := f.servedAt(key, conversation(n)); (at != before[n]) != (before[n] == resting) {
			t.Errorf("while %s rests, a conversation of %s is at %s", resting, before[n], at)
		}
	}
	f.clock.Add(int64(1e18))
	for n := range before {
		if at := f.servedAt(key, conversation(n)); at != before[n] {
			t.Errorf("afterwards a conversation of %s is at %s", before[n], at)
		}
	}
}

func TestAffinityHeedsWeights(t *testing.T) {
	f := providers("a", "b", "c", "d").affine().key("sk", config.WeightedRoundRobin, "a/m: 5", "b/m: 3", "c/m: 2", "d/m").build()
	at := map[byte]int{}
	const all = 20_000
	for n := range all {
		at[f.servedAt(f.table.Key("sk"), conversation(n))[0]]++
	}
	for name, share := range map[byte]float64{'a': 0.5, 'b': 0.3, 'c': 0.2, 'd': 0} {
		if got := float64(at[name]) / all; math.Abs(got-share) > 0.02 {
			t.Errorf("%c has %.3f, its weight is %.1f", name, got, share)
		}
	}
}

func TestWhoSaysWhetherAffinityHolds(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name          string
		global        bool
		key, provider *bool
		channel, of   bool // of the choice of a channel, of the key
	}{
		{"nobody", false, nil, nil, false, false},
		{"the gateway", true, nil, nil, true, true},
		{"the client key", false, &yes, nil, true, true},
		{"the client key does not want it", true, &no, nil, false, false},
		{"the provider", false, nil, &yes, false, true},
		{"the provider does not want it", true, nil, &no, true, false},
	} {
		f := providers("a=4", "b=4").with("a", func(p *config.ProviderPreferences) { p.Affinity = c.provider }).
			with("b", func(p *config.ProviderPreferences) { p.Affinity = c.provider }).key("sk", config.RoundRobin)
		f.cfg.Preferences.Affinity = c.global
		f.cfg.APIKeys[0].Preferences.Affinity = c.key
		f.build()
		key := f.table.Key("sk")
		if key.Near(key.Find("m")) != (c.channel || c.of) {
			t.Errorf("%s: the request's conversation is not asked for, or in vain", c.name)
		}
		channels, keys := map[byte]bool{}, map[string]bool{}
		for range 16 {
			at := f.servedAt(key, conversation(1))
			channels[at[0]], keys[at] = true, true
		}
		if (len(channels) == 1) != c.channel || (len(keys) == len(channels)) != c.of {
			t.Errorf("%s: served at %v", c.name, keys)
		}
	}
}

// BenchmarkPlanNear is a plan among 200 channels for a conversation.
func BenchmarkPlanNear(b *testing.B) {
	for _, schedule := range schedules {
		b.Run(string(schedule), func(b *testing.B) {
			f := wide(schedule)
			f.cfg.Preferences.Affinity = true
			f.build()
			key := f.table.Key("sk")
			var plan Plan
			n := uint64(1)
			one := func() {
				n += 0x9e3779b97f4a7c15
				plan.Attributes.Conversation = n
				plan.Start(key, key.Find("model-5000"))
				a, _ := plan.Next()
				plan.Report(a, Outcome{Verdict: Served, Whole: time.Millisecond})
			}
			for range 5000 { // each provider's keys are put in order for the first conversation that comes there
				one()
			}
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}

func TestAttemptsSayWhetherAConversationIsWhereItBelongs(t *testing.T) {
	for _, test := range []struct {
		name      string
		providers []string
		schedule  config.Schedule
		said      bool // whether the request belongs to a conversation
		spoil     func(f *fixture, first Attempt)
		want      Affinity
	}{
		{"the first choice", []string{"a=2", "b=2"}, config.RoundRobin, true, nil, Kept},
		{"of keys alone", []string{"a=3"}, config.RoundRobin, true, nil, Kept},
		{"of the cheapest", []string{"a=2", "b=2"}, config.Cheapest, true, nil, Kept},
		{"no conversation", []string{"a=2", "b=2"}, config.RoundRobin, false, nil, Anywhere},
		{"no choice", []string{"a"}, config.RoundRobin, true, nil, Anywhere},
		{"its key is out", []string{"a=3"}, config.RoundRobin, true, func(f *fixture, a Attempt) {
			a.Provider.ring.keys[a.Key].breaker.Failed(&breaker.Pause{Began: 1, Until: never - 1, Sure: true}, nil, 0)
		}, Moved},
		{"its channel rests", []string{"a=2", "b=2"}, config.RoundRobin, true, func(f *fixture, a Attempt) { f.rests(a.Provider.Config.Name) }, Moved},
		{"its channel rests, of the cheapest", []string{"a=2", "b=2"}, config.Cheapest, true, func(f *fixture, a Attempt) { f.rests(a.Provider.Config.Name) }, Moved},
		{"its channel rests, of a fixed order", []string{"a=2", "b=2"}, config.FixedPriority, true, func(f *fixture, a Attempt) { f.rests(a.Provider.Config.Name) }, Moved},
	} {
		f := providers(test.providers...).affine().key("sk", test.schedule).build()
		next := func() Attempt {
			plan := Plan{}
			if test.said {
				plan.Attributes.Conversation = conversation(1)
			}
			plan.Start(f.table.Key("sk"), f.table.Key("sk").Find("m"))
			a, _ := plan.Next()
			return a
		}
		a := next()
		if test.spoil != nil {
			test.spoil(f, a)
			a = next()
		}
		if a.Affinity != test.want {
			t.Errorf("%s: %d, want %d", test.name, a.Affinity, test.want)
		}
	}
}
