package balancer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// blamed are the outcomes for which something rests.
var blamed = []Outcome{
	{Verdict: Unavailable, Reason: "500"},
	{Verdict: RateLimited, Reason: "429"},
	{Verdict: RateLimited, RetryAfter: time.Hour, Reason: "429 for an hour"},
	{Verdict: OutOfQuota, Reason: "402"},
	{Verdict: KeyRefused, Reason: "401"},
	{Verdict: NoModel, Reason: "404"},
	{Verdict: Broken, Reason: "it broke off"},
}

// crowd is a provider with so many keys and another behind it, for the client
// keys sk-0 to sk-4, each of which asks them in that order.
func crowd(keys int) *fixture {
	f := providers(fmt.Sprint("p=", keys), "q").cooling(minute).with("p", func(p *config.ProviderPreferences) {
		p.KeyCooldown, p.KeySchedule = minute, string(config.FixedPriority)
	})
	for i := range 5 {
		f.key(fmt.Sprint("sk-", i), config.FixedPriority)
	}
	return f.build()
}

func (f *fixture) serves(t *testing.T, secret, want, when string) {
	t.Helper()
	if got := f.first(secret); got != want {
		t.Errorf("%s is served by %q %s, want %s", secret, got, when, want)
	}
}

func TestWhatOneClientKeyMeetsRestsForItAlone(t *testing.T) {
	for _, o := range blamed {
		for _, keys := range []int{0, 1, 3} {
			t.Run(fmt.Sprint(o.Reason, " of ", keys, " keys"), func(t *testing.T) {
				f := crowd(keys)
				for range 20 { // it goes on for as long as it is let
					walk(f.start("sk-0"), func(a Attempt) Verdict {
						if a.Provider.Config.Name == "p" {
							return o.Verdict
						}
						return Served
					})
					f.serves(t, "sk-1", "p", "while another fails")
					f.pass(7 * time.Second)
				}
				f.pass(6 * time.Hour)
				if o.Verdict == Broken || o.Verdict == Unavailable || o.Verdict == NoModel {
					f.failFor("sk-0", o)
					f.serves(t, "sk-0", "q", "after it has failed there")
				}
			})
		}
	}
}

func TestWhatTwoClientKeysMeetRestsForAll(t *testing.T) {
	for _, first := range blamed {
		for _, second := range blamed {
			t.Run(first.Reason+", then "+second.Reason, func(t *testing.T) {
				f := crowd(0)
				f.failFor("sk-0", first)
				f.pass(time.Second)
				f.failFor("sk-1", second)
				f.serves(t, "sk-2", "q", "after two have failed")
				f.pass(6 * time.Hour)
				f.serves(t, "sk-3", "p", "when its rest is over")
				f.serves(t, "sk-2", "p", "when its rest is over")
			})
		}
	}
}

func TestKeyThatTwoClientKeysWereRefusedWithRestsForAll(t *testing.T) {
	f := crowd(2)
	refused := func(a Attempt) Verdict {
		if a.Key == 0 && a.Provider.Index == 0 {
			return KeyRefused
		}
		return Served
	}
	walk(f.start("sk-0"), refused)
	if a, _ := f.start("sk-1").Next(); a.Key != 0 {
		t.Errorf("after one was refused, another has key %d", a.Key)
	}
	walk(f.start("sk-1"), refused)
	if a, _ := f.start("sk-2").Next(); a.Key != 1 {
		t.Errorf("after two were refused, a third has key %d", a.Key)
	}
}

func TestTwoFailuresAreNotOneFault(t *testing.T) {
	down, broken := Outcome{Verdict: Unavailable}, Outcome{Verdict: Broken}
	for _, test := range []struct {
		name          string
		first, second Outcome
		between       func(*fixture)
		want          string
	}{
		{"nothing between", down, down, func(*fixture) {}, "q"},
		{"somebody was served", down, down, func(f *fixture) { f.first("sk-2") }, "p"},
		{"somebody began to be served, and broken off was another", broken, down, func(f *fixture) { f.first("sk-2") }, "q"},
		{"the first's rest is over", down, down, func(f *fixture) { f.pass(minute) }, "p"},
		{"the configuration was read again", down, down, func(f *fixture) { f.build() }, "q"},
		{"the client's mistakes", Outcome{Verdict: Mistaken}, down, func(*fixture) {}, "p"},
		{"a prompt that is too long", Outcome{Verdict: TooLong}, down, func(*fixture) {}, "p"},
		{"a client that left", Outcome{Verdict: Over}, down, func(*fixture) {}, "p"},
		{"what the provider does not have", Outcome{Verdict: Unfit}, down, func(*fixture) {}, "p"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := crowd(0)
			f.pass(time.Second)
			f.failFor("sk-0", test.first)
			f.pass(time.Second)
			test.between(f)
			f.pass(time.Second)
			if got := f.failFor("sk-1", test.second); got != "p" {
				t.Fatalf("the second is sent to %s", got)
			}
			f.serves(t, "sk-3", test.want, "after it")
		})
	}
}

func TestAnswerThatBreaksOffHasServedNobody(t *testing.T) {
	f := crowd(0)
	f.pass(time.Second)
	f.failFor("sk-0", Outcome{Verdict: Unavailable})
	f.pass(time.Second)
	plan := f.start("sk-1")
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: Served})
	f.pass(time.Second)
	plan.Report(a, Outcome{Verdict: Broken})
	f.serves(t, "sk-2", "q", "after one was refused and one broken off")
}

func TestRequestFromBeforeAFailureSaysNothingAboutIt(t *testing.T) {
	f := crowd(0)
	early := f.start("sk-2")
	a, _ := early.Next()
	f.pass(time.Second)
	f.failFor("sk-0", Outcome{Verdict: Unavailable})
	early.Report(a, Outcome{Verdict: Served})
	f.failFor("sk-1", Outcome{Verdict: Unavailable})
	f.serves(t, "sk-3", "q", "after two have failed")
}

func TestWhatNoRequestBringsAboutRestsForAllAtOnce(t *testing.T) {
	f := crowd(0)
	f.failFor("sk-0", Outcome{Verdict: Unavailable, Sure: true})
	f.serves(t, "sk-1", "q", "after a failure beyond doubt")
}

// One client key that keeps many connections makes others meet failures, too.
func TestWhatOthersRequestsMayBringAboutIsNeitherTheFirstNorTheSecondFailure(t *testing.T) {
	for _, keys := range []int{0, 1, 3} {
		for _, test := range []struct {
			name   string
			met    []Outcome // by sk-0, sk-1 and so on
			serves string
		}{
			{"all in a crowd", []Outcome{{Crowded: true}, {Crowded: true}, {Crowded: true}}, "p"},
			{"the first in a crowd", []Outcome{{Crowded: true}, {}}, "p"},
			{"the second in a crowd", []Outcome{{}, {Crowded: true}}, "p"},
			{"two without one", []Outcome{{Crowded: true}, {}, {}}, "q"},
			{"beyond doubt all the same", []Outcome{{Crowded: true, Sure: true}}, "q"},
		} {
			f := crowd(keys)
			for i, o := range test.met {
				o.Verdict = Unavailable
				secret := fmt.Sprint("sk-", i)
				f.failFor(secret, o)
				f.serves(t, secret, "q", test.name+", the key that met it")
			}
			f.serves(t, "sk-4", test.serves, test.name)
		}
	}
}

func TestOneClientKeyKeepsNothingShut(t *testing.T) {
	for _, test := range []struct {
		name  string
		probe func(*fixture, *Plan, Attempt)
	}{
		{"it fails", func(_ *fixture, p *Plan, a Attempt) { p.Report(a, Outcome{Verdict: Unavailable}) }},
		{"it takes its time", func(*fixture, *Plan, Attempt) {}},
		{"it leaves, and comes again", func(f *fixture, p *Plan, a Attempt) {
			p.Report(a, Outcome{Verdict: Over})
			f.start("sk-0").Next()
		}},
		{"it fails late, of many", func(f *fixture, p *Plan, a Attempt) {
			p.Report(a, Outcome{Verdict: Unavailable})
			f.pass(time.Second)
			p.Report(a, Outcome{Verdict: Broken})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := crowd(0)
			slow := f.start("sk-0")
			late, _ := slow.Next()
			f.failFor("sk-1", Outcome{Verdict: Unavailable})
			f.failFor("sk-2", Outcome{Verdict: Unavailable})
			f.pass(minute - 1)
			slow.Report(late, Outcome{Verdict: Unavailable}) // one that began before, and makes it no longer for others
			f.pass(1)
			f.serves(t, "sk-0", "q", "while it rests for it alone")
			f.pass(minute)
			probe := f.start("sk-0")
			a, _ := probe.Next()
			if a.Provider.Config.Name != "p" {
				t.Fatalf("the probe is sent to %s", a.Provider.Config.Name)
			}
			test.probe(f, probe, a)
			f.serves(t, "sk-3", "p", "after the pause")
			f.serves(t, "sk-4", "p", "after another has been served")
		})
	}
}

func TestAtMostTwoProbeWhatRestsForAll(t *testing.T) {
	f := crowd(0)
	f.failFor("sk-0", Outcome{Verdict: Unavailable})
	f.failFor("sk-1", Outcome{Verdict: Unavailable})
	f.pass(minute)
	var tried string
	for i := range 5 {
		for range 2 {
			a, _ := f.start(fmt.Sprint("sk-", i)).Next()
			tried += a.Provider.Config.Name
		}
	}
	if tried != "pqpqqqqqqq" {
		t.Errorf("%s were tried, want one probe each of two", tried)
	}
}

func TestForHowManyClientKeysSomethingRestsIsBounded(t *testing.T) {
	const many = 10 * breaker.MostAlone
	f := providers("p=0", "q").cooling(minute)
	for i := range many {
		f.key(fmt.Sprint("sk-", i), config.FixedPriority)
	}
	f.key("sk", config.FixedPriority).build()
	for i := range many {
		f.failFor(fmt.Sprint("sk-", i), Outcome{Verdict: Unavailable})
		f.pass(time.Millisecond)
		f.serves(t, "sk", "p", "while others fail one by one")
		f.pass(time.Millisecond)
	}
	if got := len(f.table.Providers[0].channels[0].breaker.OpenForOne(f.clock.Load())); got != breaker.MostAlone {
		t.Errorf("it rests for %d client keys, want %d", got, breaker.MostAlone)
	}
	f.serves(t, fmt.Sprint("sk-", many-1), "q", "as the last that failed")
	f.pass(time.Hour)
	f.failFor("sk-0", Outcome{Verdict: Unavailable})
	if got := len(f.table.Providers[0].channels[0].breaker.OpenForOne(f.clock.Load())); got != 1 {
		t.Errorf("after an hour it rests for %d client keys, want 1", got)
	}
}

func TestTurnsLeaveOutWhatRestsForTheClientKeyAlone(t *testing.T) {
	f := providers("a", "b", "c").cooling(minute).key("sk", config.RoundRobin).key("sk-other", config.RoundRobin).build()
	f.firsts("sk", 1)
	if got := f.failFor("sk", Outcome{Verdict: Unavailable}); got != "b" {
		t.Fatalf("%s fails", got)
	}
	if got := f.firsts("sk", 6); got != "a c a c a c" {
		t.Errorf("%q serve the one that failed", got)
	}
	if got := f.firsts("sk-other", 6); got != "a b c a b c" {
		t.Errorf("%q serve the other", got)
	}
	f.pass(minute)
	if got := f.firsts("sk", 3); got != "c a b" {
		t.Errorf("%q serve the one that failed when the rest is over", got)
	}
}

func TestOverviewTellsForWhomItRests(t *testing.T) {
	f := crowd(1)
	f.failFor("sk-0", Outcome{Verdict: KeyRefused, Reason: "no"})
	f.failFor("sk-3", Outcome{Verdict: NoModel, Reason: "none"})
	p := f.state.Overview(f.table)[0]
	for what, s := range map[string]Status{"key no sk-0": p.Keys[0].Status, "channel none sk-3": p.Channels[0].Status} {
		if s.Resting || len(s.Alone) != 1 || what != fmt.Sprint(map[bool]string{true: "key ", false: "channel "}[s.Alone[0].Reason == "no"], s.Alone[0].Reason, " ", s.Alone[0].Key) {
			t.Errorf("%s: %+v", what, s)
		}
	}
	f.cfg.APIKeys = f.cfg.APIKeys[1:]
	if s := f.build().state.Overview(f.table)[0].Keys[0]; len(s.Alone) != 0 {
		t.Errorf("it rests for a client key that is gone: %+v", s)
	}
}

// TestHostileClientKeyChangesNothingForOthers has providers that are well, and a
// client key that makes attempts fail in every way there is, as often as it can.
func TestHostileClientKeyChangesNothingForOthers(t *testing.T) {
	s := newSimulation(t, rand.New(rand.NewPCG(2, 71)))
	for i := range s.channels {
		s.channels[i].trouble = nil
		for k := range s.channels[i].keyTrouble {
			s.channels[i].keyTrouble[k] = nil
		}
	}
	s.run(simulatedRequests / 10)
	if s.alone < 100 || s.served < simulatedRequests/20 {
		t.Errorf("%d rests for the hostile key, %d requests served: it tests too little", s.alone, s.served)
	}
	for _, k := range s.keys {
		if !k.hostile && !slices.Equal(k.lineup, k.turns) {
			t.Errorf("%s goes by %v, its turns are %v", k.name, k.lineup, k.turns)
		}
	}
	for i := range s.channels {
		c := &s.channels[i]
		for _, x := range slices.Concat([]account{c.account}, c.keys, c.pairs) {
			if x.rests || x.used > 0 {
				t.Errorf("something of channel %d rests, or has rested, for all: %+v", i, x)
			}
		}
	}
}
