package balancer

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"uniapi/config"
)

// fail makes a request, whose first attempt fails.
func (f *fixture) fail(model string, verdict Verdict, reason string) {
	plan := f.startFor("sk", model)
	a, _ := plan.Next()
	plan.Report(a, Outcome{Verdict: verdict, Reason: reason})
}

func TestOverviewTellsWhatRestsUntilWhenAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the wall clock stands
		f := providers("p=2:m,up=alias,up=other", "q=0:m,alias,other").cooling(minute).key("sk", config.FixedPriority).
			with("p", func(p *config.ProviderPreferences) { p.KeySchedule = string(config.FixedPriority) }).build()
		began := time.Now()
		f.fail("alias", Unavailable, "connection refused")
		f.pass(20 * time.Second)
		f.fail("m", KeyRefused, "no such key")
		f.pass(10 * time.Second)

		now := began // the state's clock went on by thirty seconds
		down := Status{true, now.Add(30 * time.Second), nil, "connection refused", now.Add(-30 * time.Second)}
		refused := Status{true, now.Add(50 * time.Second), nil, "no such key", now.Add(-10 * time.Second)}
		seen := refused // a channel does not rest for one of its keys
		seen.Resting, seen.Until = false, time.Time{}
		want := []ProviderStatus{
			{Name: "p",
				Channels: []ChannelStatus{{"m", "m", seen}, {"alias", "up", down}, {"other", "up", down}},
				Keys:     []KeyStatus{{Index: 0, Failed: 2, Status: refused}, {Index: 1}}},
			{Name: "q", Channels: []ChannelStatus{{Model: "m", Upstream: "m"}, {Model: "alias", Upstream: "alias"}, {Model: "other", Upstream: "other"}}},
		}
		got := f.state.Overview(f.table)
		for i := range want {
			if i >= len(got) || got[i].Name != want[i].Name || !reflect.DeepEqual(got[i].Channels, want[i].Channels) || !reflect.DeepEqual(got[i].Keys, want[i].Keys) {
				t.Errorf("provider %d stands\n%+v, want\n%+v", i, got, want[i])
			}
		}
	})
}

func TestLastErrorIsShownAfterWhatItLedTo(t *testing.T) {
	for _, test := range []struct {
		name     string
		cooldown time.Duration
		after    func(*fixture)
	}{
		{"the pause is over", minute, func(f *fixture) { f.pass(minute) }},
		{"it has served again", minute, func(f *fixture) { f.pass(minute); f.first("sk") }},
		{"there is no pause", 0, func(*fixture) {}},
		{"the configuration was read again", 0, func(f *fixture) { f.build() }},
		{"the client's mistakes came after it", 0, func(f *fixture) {
			f.fail("m", Mistaken, "bad temperature")
			f.fail("m", TooLong, "too long")
			f.fail("m", Over, "gone")
			f.fail("m", Unfit, "no such endpoint")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("p", "q").cooling(test.cooldown).key("sk", config.FixedPriority).build()
			f.fail("m", Unavailable, "it is down")
			test.after(f)
			p := f.state.Overview(f.table)[0]
			for name, s := range map[string]Status{"channel": p.Channels[0].Status, "key": p.Keys[0].Status} {
				if s.Resting || !s.Until.IsZero() {
					t.Errorf("the %s rests until %v", name, s.Until)
				}
				if s.LastError != "it is down" || s.LastErrorAt.IsZero() {
					t.Errorf("the %s failed last with %q at %v", name, s.LastError, s.LastErrorAt)
				}
			}
		})
	}
}

func TestWhatIsProbedRestsForOthersPastItsPause(t *testing.T) {
	f := providers("p", "q").cooling(minute).key("sk", config.FixedPriority).build()
	f.fail("m", Unavailable, "it is down")
	f.pass(2 * minute)
	probe := f.start("sk")
	a, _ := probe.Next()
	if s := f.state.Overview(f.table)[0].Channels[0]; !s.Resting || time.Until(s.Until) > -minute+time.Second {
		t.Errorf("while it is probed it stands %+v", s)
	}
	probe.Report(a, Outcome{Verdict: Served})
	if s := f.state.Overview(f.table)[0].Channels[0]; s.Resting {
		t.Errorf("after the probe was served it stands %+v", s)
	}
}

func TestOverviewIsTakenWhileRequestsFailAndTheConfigurationChanges(t *testing.T) {
	f := providers("p=3", "q").cooling(minute).key("sk", config.RoundRobin).build()
	before := f.table
	concurrently(4, func(i int) {
		for range 200 {
			switch i {
			case 0:
				Build(f.cfg, f.state, func(i int) []config.Model { return f.cfg.Providers[i].Models })
			case 1:
				f.state.Overview(before)
			default:
				walk(f.start("sk"), always(Unavailable))
			}
		}
	})
	if got := f.state.Overview(before)[0].Keys; len(got) != 3 {
		t.Errorf("there are %d keys", len(got))
	}
}
