package balancer

import (
	"strings"
	"testing"
	"time"

	"uniapi/config"
)

func TestKeyAsAChannelIsExhaustedBeforeTheNext(t *testing.T) {
	for _, test := range []struct {
		name  string
		build func(f *fixture)
		want  []string // of the requests in turn
	}{
		{"in its own order", func(f *fixture) {
			f.key("sk", "", "a/m", "sk-sub/*", "d/m").key("sk-sub", "", "c/m", "b/m")
		}, []string{"a c b d", "a c b d"}},
		{"by its own schedule", func(f *fixture) {
			f.key("sk", "", "a/m", "sk-sub/*", "d/m").key("sk-sub", config.RoundRobin, "b/m", "c/m")
		}, []string{"a b c d", "a c b d", "a b c d"}},
		{"as one place of the outer schedule", func(f *fixture) {
			f.key("sk", config.RoundRobin, "a/m", "sk-sub/*", "d/m").key("sk-sub", "", "b/m", "c/m")
		}, []string{"a b c d", "b c d a", "d a b c", "a b c d"}},
		{"by its own weights", func(f *fixture) {
			f.key("sk", "", "sk-sub/*", "d/m").key("sk-sub", config.WeightedRoundRobin, "a/m: 2", "b/m: 1", "c/m")
		}, []string{"a b c d", "b a c d", "a b c d", "a b c d"}},
		{"weights of the outer key leave it among those without", func(f *fixture) {
			f.key("sk", config.WeightedRoundRobin, "sk-sub/*", "a/m: 1", "d/m: 2").key("sk-sub", "", "b/m", "c/m")
		}, []string{"a d b c", "d a b c", "d a b c", "a d b c"}},
		{"two keys deep", func(f *fixture) {
			f.key("sk", "", "sk-one/*", "d/m").key("sk-one", "", "a/m", "sk-two/*").key("sk-two", config.RoundRobin, "b/m", "c/m")
		}, []string{"a b c d", "a c b d"}},
		{"a channel that two ways lead to is tried once", func(f *fixture) {
			f.key("sk", "", "b/m", "sk-sub/*", "c/m").key("sk-sub", "", "a/m", "b/m", "c/m", "d/m")
		}, []string{"b a c d"}},
		{"the same key by two rules is one place", func(f *fixture) {
			f.key("sk", "", "sk-sub/m", "c/m", "sk-sub/*").key("sk-sub", "", "a/m", "b/m")
		}, []string{"a b c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers("a=0", "b=0", "c=0", "d=0")
			test.build(f)
			f.build()
			for i, want := range test.want {
				if got := walk(f.start("sk"), always(Unavailable)); got != want {
					t.Errorf("request %d tried %q, want %q", i+1, got, want)
				}
			}
		})
	}
}

func TestKeyAsAChannelTakesATurnOnlyWhenItIsReached(t *testing.T) {
	f := providers("a", "b", "c").key("sk", "", "a/m", "sk-sub/*").key("sk-sub", config.RoundRobin, "b/m", "c/m").build()
	f.firsts("sk", 3)
	if got := f.firsts("sk-sub", 2); got != "b c" {
		t.Errorf("turns %q: requests that never reached the key took its turn", got)
	}
	plan := f.start("sk")
	if got := walk(plan, func(a Attempt) Verdict {
		if a.Provider.Config.Name == "a" {
			return NoModel
		}
		return Served
	}); got != "a b" {
		t.Errorf("tried %q, want a b", got)
	}
	if got := f.first("sk-sub"); got != "c" {
		t.Errorf("%s serves: a request by way of another key took no turn", got)
	}
}

func TestAttemptsCountTheChannelsBehindKeys(t *testing.T) {
	f := providers("a=2", "b", "c=0").key("sk", "", "sk-sub/*", "sk-other/*", "c/m").
		key("sk-sub", "", "a/m", "b/m").key("sk-other", "", "b/m", "a/m").key("sk-lone", "", "sk-one/*").key("sk-one", "", "a/m").build()
	tried := walk(f.start("sk"), always(Unavailable))
	if got := len(strings.Fields(tried)); got != 3+2*3 { // three channels, three keys
		t.Errorf("%d attempts (%s), want 9", got, tried)
	}
	if tried = walk(f.start("sk-lone"), always(Unavailable)); tried != "a a a" {
		t.Errorf("tried %q, want a lone channel's three", tried)
	}
}

func TestOneChannelByTwoWaysIsALoneChannel(t *testing.T) {
	f := providers("a").cooling(minute).key("sk", "", "a/m", "sk-sub/*").key("sk-sub", "").build()
	walk(f.start("sk"), always(Unavailable))
	if got := f.first("sk"); got != "a" {
		t.Error("a lone channel was cooled")
	}
}

func TestRestsBehindAKeyAreLeftOut(t *testing.T) {
	f := providers("a", "b", "c").cooling(minute).key("sk", "", "sk-sub/*", "c/m").key("sk-sub", "", "a/m", "b/m").build()
	for _, want := range []string{"a", "b", "c", "a"} { // the last is asked before its time, since all rest
		plan := f.start("sk")
		a, more := plan.Next()
		if !more || a.Provider.Config.Name != want {
			t.Fatalf("%v is tried, want %q", a.Candidate, want)
		}
		plan.Report(a, Outcome{Verdict: Unavailable})
	}
}

func TestLimitOfAKeyHoldsWhereItIsAChannelToo(t *testing.T) {
	f := providers("a", "b").key("sk", "", "sk-sub/*", "b/m").key("sk-sub", "", "a/m").key("sk-only", "", "sk-sub/*")
	f.cfg.APIKeys[1].Preferences.RateLimit.Set("default", config.RateLimit{Limits: []config.Limit{{Count: 2, Window: time.Minute}}})
	f.build()
	if got := f.firsts("sk", 3); got != "a a b" {
		t.Errorf("served by %q, want a a b", got)
	}
	plan := f.start("sk-only")
	if _, more := plan.Next(); more {
		t.Error("a key over its limit was gone through")
	}
	if block, wait := plan.Blocked(); block.Limited != 1 || block.Resting != 0 || wait != time.Minute {
		t.Errorf("block %+v, wait %v", block, wait)
	}
	f.pass(time.Minute)
	if got := f.first("sk"); got != "a" {
		t.Errorf("%s serves after the window", got)
	}
}

func TestModelThatAnInnerKeyLacksLeavesItOut(t *testing.T) {
	f := providers("a:m", "b:n").key("sk", "", "sk-sub/*", "b/n").key("sk-sub", "", "a/m").build()
	if got := f.firstFor("sk", "n"); got != "b" {
		t.Errorf("%q serves n", got)
	}
	if f.table.Key("sk").Find("unknown") != nil {
		t.Error("there is a route for a model nobody has")
	}
}
