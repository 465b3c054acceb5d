package balancer

import (
	"testing"
	"time"

	"uniapi/config"
)

func TestAttemptsAreUnderWayUntilTheyEnd(t *testing.T) {
	for _, test := range []struct {
		name    string
		reports []Outcome
		want    int64
	}{
		{"not reported", nil, 1},
		{"served, and goes on", []Outcome{{Verdict: Served, FirstByte: time.Second}}, 1},
		{"served as a whole", []Outcome{{Verdict: Served, FirstByte: time.Second, Whole: time.Second}}, 0},
		{"served and over", []Outcome{{Verdict: Served}, {Verdict: Ended, Whole: time.Minute}}, 0},
		{"over twice", []Outcome{{Verdict: Served}, {Verdict: Ended, Whole: time.Minute}, {Verdict: Ended, Whole: time.Minute}}, 0},
		{"broken off", []Outcome{{Verdict: Served}, {Verdict: Broken}, {Verdict: Ended, Whole: time.Minute}}, 0},
		{"failed", []Outcome{{Verdict: Unavailable}, {Verdict: Ended, Whole: time.Minute}}, 0},
		{"left", []Outcome{{Verdict: Over}, {Verdict: Over}}, 0},
	} {
		f := providers("a").key("sk", "").build()
		plan := f.start("sk")
		a, _ := plan.Next()
		for _, o := range test.reports {
			plan.Report(a, o)
		}
		channel, key := f.table.Providers[0].channels[0].load.UnderWay(), f.table.Providers[0].ring.keys[0].load.UnderWay()
		if channel != test.want || key != test.want {
			t.Errorf("%s: %d are under way at the channel, %d with the key, want %d", test.name, channel, key, test.want)
		}
	}
}

func TestLeastBusyHeedsStreamsThatGoOn(t *testing.T) {
	f := providers("a", "b=2").with("b", func(p *config.ProviderPreferences) { p.KeySchedule = string(config.LeastBusy) }).key("sk", config.LeastBusy).build()
	begin := func() (*Plan, Attempt) {
		plan := f.start("sk")
		a, _ := plan.Next()
		plan.Report(a, Outcome{Verdict: Served})
		return plan, a
	}
	type stream struct {
		plan *Plan
		Attempt
	}
	var streams []stream
	for i, want := range "abab" { // equals take turns
		plan, a := begin()
		if a.Provider.Config.Name != string(want) {
			t.Errorf("stream %d goes to %s, want %c", i+1, a.Provider.Config.Name, want)
		}
		streams = append(streams, stream{plan, a})
	}
	for i, key := range f.table.Providers[1].ring.keys {
		if n := key.load.UnderWay(); n != 1 {
			t.Errorf("key %d of b has %d streams of two", i, n)
		}
	}
	for _, s := range streams {
		if s.Provider.Config.Name == "a" {
			s.plan.Report(s.Attempt, Outcome{Verdict: Ended, Whole: time.Minute})
		}
	}
	for range 2 {
		if _, a := begin(); a.Provider.Config.Name != "a" {
			t.Errorf("another goes to %s, want a, whose streams have ended", a.Provider.Config.Name)
		}
	}
}

func TestLeastLatencyLeavesASlowChannelAndComesBack(t *testing.T) {
	f := providers("a", "b").key("sk", config.LeastLatency).build()
	serve := func() string {
		plan := f.start("sk")
		a, _ := plan.Next()
		took := time.Second
		if a.Provider.Config.Name == "a" {
			took = 8 * time.Second
		}
		plan.Report(a, Outcome{Verdict: Served, FirstByte: took, Whole: took})
		f.pass(100 * time.Millisecond)
		return a.Provider.Config.Name
	}
	serve()
	serve() // both are known
	slow := 0
	for range 3000 { // five minutes
		if serve() == "a" {
			slow++
		}
	}
	if slow == 0 || slow > 10 {
		t.Errorf("the slow channel has had %d of 3000 requests", slow)
	}
}

func TestCheapestGoesByThePriceTable(t *testing.T) {
	price := func(in, out int64) config.Price { return config.Price{Input: in * 1e6, Output: out * 1e6} }
	f := providers("a:large=m", "b:small=m", "c:large=m").key("sk", config.Cheapest).with("c", func(p *config.ProviderPreferences) {
		p.ModelPrice = []config.ModelPrice{{Prefix: "m", Price: price(1, 40)}}
	})
	f.cfg.Preferences.ModelPrice = []config.ModelPrice{{Prefix: "m", Price: price(9, 9)}, {Prefix: "small", Price: price(1, 2)}, {Prefix: "large", Price: price(3, 30)}}
	if got := walk(f.build().start("sk"), always(Unfit)); got != "b a c" {
		t.Errorf("asked %q, want b (3×1+2), a (3×3+30), c (3×1+40)", got)
	}
	e, _ := f.table.Key("sk").Explain(Attributes{Model: "m"})
	if want := "cheapest: 5 dollars for 4 million tokens, 3 of them of the prompt; equals take turns"; e.Steps[0].Why != want {
		t.Errorf("explained as %q, want %q", e.Steps[0].Why, want)
	}
}
