package balancer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uniapi/balancer/limit/told"
	"uniapi/config"
)

// tells makes a request with each of the keys of a provider's model, whose answers tell what is left.
func (f *fixture) tells(provider, model string, headers ...string) {
	for i := range f.table.Providers {
		p := f.table.Providers[i]
		if p.Config.Name != provider {
			continue
		}
		for key, lines := range headers {
			var t told.Told
			for _, line := range strings.Split(lines, ", ") {
				name, value, _ := strings.Cut(line, ": ")
				t.Read([]byte(name), []byte(value), time.Now())
			}
			for n, m := range p.Models {
				if m.Upstream == model {
					a := Attempt{Candidate: &Candidate{Provider: p, Upstream: model, channelState: p.channels[n]}, Key: key, at: f.clock.Load()}
					a.Learn(&t)
				}
			}
		}
	}
}

const (
	nothingLeft = "x-ratelimit-remaining: 0, x-ratelimit-reset: 60"
	nothingSoon = "x-ratelimit-remaining: 0, x-ratelimit-reset: 20"
	someLeft    = "x-ratelimit-remaining: 9, x-ratelimit-reset: 60"
)

func TestKeyThatHasNothingLeftIsPassedOver(t *testing.T) {
	for name, test := range map[string]struct {
		order   config.Schedule
		headers []string
		want    string // keys
	}{
		"in turns":               {config.RoundRobin, []string{someLeft, nothingLeft, someLeft}, "[0 2 2 0 2 2]"},
		"in a fixed order":       {config.FixedPriority, []string{nothingLeft, nothingLeft, someLeft}, "[2 2]"},
		"nothing is told of it":  {config.FixedPriority, []string{nothingLeft, ""}, "[1 1]"},
		"nonsense":               {config.FixedPriority, []string{"x-ratelimit-remaining: none, x-ratelimit-reset: 60"}, "[0 0]"},
		"a reset that is nobody": {config.FixedPriority, []string{"x-ratelimit-remaining: 0, x-ratelimit-reset: later"}, "[0 0]"},
	} {
		t.Run(name, func(t *testing.T) {
			f := ringed(3, test.order)
			f.tells("p", "m", test.headers...)
			if got := f.keysOf(len(strings.Fields(test.want))); got != test.want {
				t.Errorf("keys %s, want %s", got, test.want)
			}
			if f.keyOf("n", Served) < 0 || f.table.Providers[0].ring.keys[0].failed.Load() != 0 {
				t.Error("it counts as a failure")
			}
		})
	}
}

func TestKeyIsPassedOverForItsModelAloneAndUntilItsReset(t *testing.T) {
	f := ringed(2, config.FixedPriority)
	f.tells("p", "m", nothingLeft)
	got := fmt.Sprint(f.keyOf("m", Served), f.keyOf("n", Served))
	f.build() // a reload changes nothing of it
	got += fmt.Sprint(" ", f.keyOf("m", Served))
	f.pass(61 * time.Second)
	if got += fmt.Sprint(" ", f.keyOf("m", Served)); got != "1 0 1 0" {
		t.Errorf("keys %s, want 1 0 1 0", got)
	}
}

func TestWhereAllHasNothingLeftWhatIsResetFirstIsAsked(t *testing.T) {
	f := ringed(2, config.FixedPriority)
	f.tells("p", "m", nothingLeft, nothingLeft)
	if got := f.first("sk"); got != "q" {
		t.Errorf("%s is asked, want q, which has something left", got)
	}
	f.tells("q", "m", nothingSoon)
	plan := f.start("sk")
	a, asked := plan.Next()
	if !asked || a.Provider.Config.Name != "q" {
		t.Fatalf("%v is asked", a.Provider)
	}
	plan.Report(a, Outcome{Verdict: RateLimited, RetryAfter: 20 * time.Second})
	if a, asked = plan.Next(); !asked || a.Provider.Config.Name != "p" {
		t.Fatal("p is not asked, although it has not failed")
	}
	plan.Report(a, Outcome{Verdict: RateLimited, RetryAfter: time.Minute})
	for a, asked = plan.Next(); asked; a, asked = plan.Next() {
		plan.Report(a, Outcome{Verdict: RateLimited, RetryAfter: time.Minute})
	}
	later := f.start("sk")
	if a, asked := later.Next(); asked {
		t.Errorf("key %d of %s is asked, which has said itself until when", a.Key, a.Provider.Config.Name)
	}
	if block, wait := later.Blocked(); block.Throttled == 0 || wait <= 0 || wait > 20*time.Second {
		t.Errorf("%+v, to be asked again in %v", block, wait)
	}
}

func TestOnlyKeyIsAskedWhateverIsLeft(t *testing.T) {
	f := providers("p").key("sk", "").build()
	f.tells("p", "m", nothingLeft)
	if got := f.first("sk"); got != "p" {
		t.Errorf("%q is asked", got)
	}
	if e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"}); e.Steps[0].Excluded != "" || e.Steps[0].Keys[0] != "" {
		t.Errorf("%+v", e.Steps[0])
	}
}

func TestLongRequestNeedsATokenForEachFourBytes(t *testing.T) {
	f := ringed(2, config.FixedPriority)
	f.tells("p", "m", "x-ratelimit-remaining-tokens: 1000, x-ratelimit-reset-tokens: 60")
	for bytes, want := range map[int64]int{0: 0, 4000: 0, 4004: 1, 100 << 20: 1} {
		plan := &Plan{Attributes: Attributes{Model: "m", BodyBytes: bytes}}
		key := f.table.Key("sk")
		plan.Start(key, key.Find("m"))
		a, _ := plan.Next()
		if plan.Report(a, Outcome{Verdict: Served}); a.Key != want {
			t.Errorf("%d bytes: key %d, want %d", bytes, a.Key, want)
		}
	}
}

func TestExplainAndTheOverviewTellWhatIsLeft(t *testing.T) {
	f := ringed(2, config.FixedPriority)
	f.tells("p", "m", nothingLeft)
	e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
	if want := "passed over for another 1m0s: by the headers of its provider's answers too little is left to it"; e.Steps[0].Keys[0] != want || e.Steps[0].Excluded != "" {
		t.Errorf("%q, %q", e.Steps[0].Keys[0], e.Steps[0].Excluded)
	}
	f.tells("p", "m", nothingLeft, nothingLeft)
	f.tells("q", "m", nothingSoon)
	e, _ = f.table.Key("sk").Explain(Attributes{Model: "m"})
	for _, s := range e.Steps {
		if s.Excluded != "" || !strings.HasSuffix(s.Why, "; asked before its time, since nobody else can serve: all its keys rest or have too little left") {
			t.Errorf("%s: %q, %q", s.Provider, s.Why, s.Excluded)
		}
	}
	status := f.state.Overview(f.table)[0]
	if spent := status.Keys[1].Spent; len(spent) != 1 || spent[0].Upstream != "m" || time.Until(spent[0].Until) < 50*time.Second {
		t.Errorf("%+v", spent)
	}
	if woken, _ := f.table.Providers[0].Wake("", EveryKey); woken != 2 || f.keyOf("m", Served) != 0 {
		t.Errorf("%d are woken", woken)
	}
}
