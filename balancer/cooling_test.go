package balancer

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

func TestChannelsRestPerProviderAndUpstreamModel(t *testing.T) {
	f := providers("p:m,same=other,same=another", "q:m,same=other,same=another").cooling(minute).key("sk", "").build()
	fail := func(model string) {
		plan := f.startFor("sk", model)
		a, _ := plan.Next()
		plan.Report(a, Outcome{Verdict: Unavailable})
	}
	fail("other")
	for model, want := range map[string]string{"m": "p", "other": "q", "another": "q"} {
		if got := f.firstFor("sk", model); got != want {
			t.Errorf("%s is served by %s, want %s", model, got, want)
		}
	}
}

func TestRestsAreSharedByAllKeysAndSurviveAReload(t *testing.T) {
	f := providers("p=2", "q").cooling(minute).key("sk-1", "").key("sk-2", "").key("sk-3", "").build()
	for _, secret := range []string{"sk-1", "sk-2"} {
		if got := f.failFor(secret, Outcome{Verdict: Unavailable}); got != "p" {
			t.Fatalf("%s tries %s", secret, got)
		}
		f.build()
	}
	if got := f.first("sk-3"); got != "q" {
		t.Errorf("%s serves, want q while p rests", got)
	}
	f.pass(minute)
	if got := f.first("sk-3"); got != "p" {
		t.Errorf("%s serves, want p again", got)
	}
}

func TestLoneChannelIsNeverCooled(t *testing.T) {
	for _, verdict := range []Verdict{Unavailable, NoModel, Broken} {
		f := providers("p").cooling(minute).key("sk", "").build()
		walk(f.start("sk"), always(verdict))
		if got := f.first("sk"); got != "p" {
			t.Errorf("after verdict %d the lone channel is not tried", verdict)
		}
	}
}

func TestLoneChannelsFailureCoolsItForNobody(t *testing.T) {
	f := providers("p", "q").cooling(minute).key("sk-many", "").key("sk-lone", "", "p/m").build()
	walk(f.start("sk-lone"), always(Unavailable))
	if got := f.first("sk-many"); got != "p" {
		t.Errorf("%s serves the key that has others", got)
	}
}

func TestChannelThatOthersCooledServesAKeyThatHasNoOther(t *testing.T) {
	f := providers("p", "q").cooling(minute).key("sk-many", "").key("sk-lone", "", "p/m").build()
	before := f.start("sk-lone")
	early, _ := before.Next()
	plan := f.start("sk-many")
	a, _ := plan.Next()
	f.pass(time.Second)
	plan.Report(a, Outcome{Verdict: Unavailable, Sure: true})
	before.Report(early, Outcome{Verdict: Served})
	if got := f.first("sk-many"); got != "q" {
		t.Errorf("%s serves: a request from before the failure ended the rest", got)
	}
	f.pass(time.Second)
	if got := f.first("sk-lone"); got != "p" {
		t.Error("the lone channel is not tried")
	}
	if got := f.first("sk-many"); got != "p" {
		t.Errorf("%s serves: p has served after the failure", got)
	}
}

func TestLoneChannelsDeadKeysRest(t *testing.T) {
	for _, test := range []struct {
		name    string
		keys    int
		outcome Outcome       // of all keys
		serves  bool          // the next request is tried all the same
		wait    time.Duration // else: until it may be, though the rest may be longer
	}{
		{"refused", 2, Outcome{Verdict: KeyRefused, Reason: "bad key"}, false, minute},
		{"out of quota, for hours", 2, Outcome{Verdict: OutOfQuota, Reason: "bad key"}, false, minute},
		{"limited, says the provider", 2, Outcome{Verdict: RateLimited, RetryAfter: 9 * time.Second, Reason: "bad key"}, false, 9 * time.Second},
		{"limited, we guess for how long", 2, Outcome{Verdict: RateLimited, Reason: "bad key"}, true, 0},
		{"its only one, refused", 1, Outcome{Verdict: KeyRefused, Reason: "bad key"}, true, 0},
		{"its only one, out of quota", 1, Outcome{Verdict: OutOfQuota, Reason: "bad key"}, true, 0},
		{"its only one, limited, says the provider", 1, Outcome{Verdict: RateLimited, RetryAfter: 9 * time.Second, Reason: "bad key"}, false, 9 * time.Second},
		{"its only one, limited, we guess for how long", 1, Outcome{Verdict: RateLimited, Reason: "bad key"}, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers(fmt.Sprint("p=", test.keys)).cooling(minute).key("sk", "").build()
			plan := f.start("sk")
			for range test.keys {
				a, _ := plan.Next()
				plan.Report(a, test.outcome)
			}
			if _, more := plan.Next(); more {
				t.Error("the same request is tried again with the same key")
			}
			plan = f.start("sk")
			_, tried := plan.Next()
			if tried != test.serves {
				t.Errorf("the next request is tried: %v", tried)
			}
			block, wait := plan.Blocked()
			if !tried && (block.Resting != test.keys || block.Limited != 0 || block.Reason != "bad key" || wait != test.wait) {
				t.Errorf("block %+v, wait %v; want %d at rest for %v", block, wait, test.keys, test.wait)
			}
			f.pass(test.wait)
			if got := f.first("sk"); got != "p" {
				t.Error("the key is not probed when its rest is over")
			}
		})
	}
}

func TestLoneChannelUsesTheKeyThatIsBackFirst(t *testing.T) {
	f := providers("p=3").with("p", func(p *config.ProviderPreferences) { p.KeyCooldown, p.KeySchedule = minute, "fixed_priority" }).key("sk", "").build()
	for i := range 3 {
		plan := f.start("sk")
		a, _ := plan.Next()
		if a.Key != i {
			t.Fatalf("request %d has key %d", i, a.Key)
		}
		plan.Report(a, Outcome{Verdict: []Verdict{KeyRefused, Unavailable, Unavailable}[i]})
		f.pass(time.Second)
	}
	if a, more := f.start("sk").Next(); !more || a.Key != 1 {
		t.Errorf("key %d, want the one that failed first and was not refused", a.Key)
	}
}

func TestWhenProvidersKeepAllAwayTheBlockSaysWhoIsBackFirst(t *testing.T) {
	f := providers("p", "q", "r").key("sk", "").build()
	plan := f.start("sk")
	for i, wait := range []time.Duration{40 * time.Second, 30 * time.Second, 5 * minute} {
		a, _ := plan.Next()
		f.pass(time.Second)
		plan.Report(a, Outcome{Verdict: RateLimited, RetryAfter: wait, Reason: []string{"first", "second", "third"}[i]})
	}
	if a, more := plan.Next(); more {
		t.Errorf("%s is tried, which has asked to be left alone", a.Provider.Config.Name)
	}
	plan = f.start("sk")
	if a, more := plan.Next(); more {
		t.Errorf("%s is tried, which has asked to be left alone", a.Provider.Config.Name)
	}
	if block, wait := plan.Blocked(); block.Resting != 3 || block.Throttled != 3 || block.Reason != "second" || wait != 29*time.Second {
		t.Errorf("block %+v, wait %v", block, wait)
	}
}

func TestAfterARestOneRequestProbesAndTheOthersStayAway(t *testing.T) {
	for _, test := range []struct {
		name  string
		probe Verdict
		want  string // who serves the requests after it
	}{
		{"the probe is served", Served, "p p"},
		{"the probe fails", Unavailable, "q q"},
		{"the probe's client leaves", Over, "p p"}, // the next one probes, and is served
		{"the probe's client is mistaken", Mistaken, "p p"},
		{"the probe's key is refused", KeyRefused, "q q"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("p", "q").cooling(minute).key("sk", "").build()
			plan := f.start("sk")
			a, _ := plan.Next()
			plan.Report(a, Outcome{Verdict: Unavailable})
			f.pass(minute)
			probe := f.start("sk")
			a, _ = probe.Next()
			if got := a.Provider.Config.Name; got != "p" {
				t.Fatalf("%s is tried, want p to be probed", got)
			}
			if got := f.firsts("sk", 3); got != "q q q" {
				t.Errorf("while it is probed %q serve", got)
			}
			probe.Report(a, Outcome{Verdict: test.probe})
			if got := f.firsts("sk", 2); got != test.want {
				t.Errorf("after it %q serve, want %q", got, test.want)
			}
		})
	}
}

func TestOfManyRequestsExactlyOneProbesTheChannelAndTheKey(t *testing.T) {
	for range 50 {
		f := providers("p=2", "q").cooling(minute).with("p", func(p *config.ProviderPreferences) { p.KeyCooldown = minute }).key("sk", "").build()
		f.breaker("p").Failed(&breaker.Pause{Began: 1, Until: 2, Sure: true}, nil, 0)
		for _, key := range f.table.Providers[0].ring.keys {
			key.breaker.Failed(&breaker.Pause{Began: 1, Until: 2, Sure: true}, nil, 0)
		}
		var probes, others atomic.Int32
		concurrently(16, func(int) {
			switch a, _ := f.start("sk").Next(); a.Provider.Config.Name {
			case "p":
				probes.Add(1)
			case "q":
				others.Add(1)
			}
		})
		if probes.Load() != 1 || others.Load() != 15 {
			t.Fatalf("%d requests probe and %d go elsewhere, want 1 and 15", probes.Load(), others.Load())
		}
	}
}

func TestChannelProbeWithoutAKeyIsGivenBack(t *testing.T) {
	f := providers("p", "q").cooling(minute).key("sk", "").build()
	plan := f.start("sk")
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: Unavailable})
	f.pass(minute)
	key := f.table.Providers[0].ring.keys[0].breaker
	key.Failed(&breaker.Pause{Began: f.clock.Load(), Until: f.clock.Load() + second, Sure: true}, nil, 0)
	if got := f.first("sk"); got != "q" {
		t.Errorf("%s serves while p has no key", got)
	}
	f.pass(time.Second)
	if got := f.first("sk"); got != "p" {
		t.Errorf("%s serves: the probe that found no key was not given back", got)
	}
}

func TestKeysProbeThatToldNothingIsGivenBack(t *testing.T) {
	for _, verdict := range []Verdict{Over, Mistaken, TooLong, NoModel, Unavailable} {
		f := providers("p=2", "q").with("p", func(p *config.ProviderPreferences) { p.KeySchedule = "fixed_priority" }).key("sk", "").build()
		f.table.Providers[0].ring.keys[0].breaker.Failed(&breaker.Pause{Began: 1, Until: 2, Sure: true}, nil, 0)
		for i, want := range []int{0, 0} {
			plan := f.start("sk")
			a, _ := plan.Next()
			if a.Key != want {
				t.Errorf("request %d, after a probe with the verdict %d, has key %d", i, verdict, a.Key)
			}
			plan.Report(a, Outcome{Verdict: verdict})
		}
	}
}

func TestStreamThatBreaksAfterItWasServedCoolsTheChannel(t *testing.T) {
	f := providers("p", "q").cooling(minute).key("sk", "").build()
	plan := f.start("sk")
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: Served})
	if got := f.first("sk"); got != "p" {
		t.Errorf("%s serves while the stream runs", got)
	}
	plan.Report(a, Outcome{Verdict: Broken})
	if _, more := plan.Next(); more {
		t.Error("there is an attempt after the client has got a part of an answer")
	}
	if got := f.first("sk"); got != "q" {
		t.Errorf("%s serves after the stream broke", got)
	}
}
