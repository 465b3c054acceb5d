package balancer

import (
	"sync/atomic"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// rested is how long the m of a provider, and the first of its keys, are at rest.
func (f *fixture) rested(provider string) (channel, key time.Duration) {
	left := func(r *breaker.Breaker) time.Duration {
		if v := r.Look(f.clock.Load(), f.table.Key("sk").client); v.State == breaker.Open {
			return time.Duration(v.Until - f.clock.Load())
		}
		return 0
	}
	for _, p := range f.table.Providers {
		if p.Config.Name != provider {
			continue
		}
		if len(p.ring.keys) > 0 {
			c := f.table.Key("sk").Find("m").entries[p.Index].Candidate
			key = max(left(p.ring.keys[0].breaker), left(c.pairs.of(p.ring.keys[0])))
		}
		return left(f.breaker(provider)), key
	}
	return 0, 0
}

func TestWhatRestsAndForHowLong(t *testing.T) {
	const hour = time.Hour
	zero := time.Duration(0)
	own := func(d time.Duration) func(*config.ProviderPreferences) {
		return func(p *config.ProviderPreferences) { p.Cooldown = &d }
	}
	keys := func(d time.Duration) func(*config.ProviderPreferences) {
		return func(p *config.ProviderPreferences) { p.KeyCooldown = d }
	}
	limits := func(d time.Duration) func(*config.ProviderPreferences) {
		return func(p *config.ProviderPreferences) { p.KeyRateLimitCooldown = d }
	}
	nothing := func(*config.ProviderPreferences) {}
	for _, test := range []struct {
		name         string
		p            string
		prefs        func(*config.ProviderPreferences)
		global       time.Duration
		outcome      Outcome
		channel, key time.Duration
	}{
		{"what serves does not rest", "p=2", keys(hour), minute, Outcome{Verdict: Served}, 0, 0},
		{"a failure cools the channel", "p", nothing, minute, Outcome{Verdict: Unavailable}, minute, 0},
		{"a failure without cooldown_period cools nothing", "p", nothing, 0, Outcome{Verdict: Unavailable}, 0, 0},
		{"a provider's own cooldown_period goes over the global one", "p", own(hour), minute, Outcome{Verdict: Unavailable}, hour, 0},
		{"a provider's own 0 too", "p", own(zero), minute, Outcome{Verdict: Unavailable}, 0, 0},
		{"a provider may cool where no other does", "p", own(hour), 0, Outcome{Verdict: Unavailable}, hour, 0},
		{"a failure rests the key if api_key_cooldown_period says so", "p=2", keys(hour), minute, Outcome{Verdict: Unavailable}, minute, hour},
		{"a failure never rests an only key", "p", keys(hour), minute, Outcome{Verdict: Unavailable}, minute, 0},
		{"an answer that broke off cools the channel", "p", nothing, minute, Outcome{Verdict: Broken}, minute, 0},
		{"a missing model cools that channel", "p=2", keys(hour), minute, Outcome{Verdict: NoModel}, minute, 0},
		{"a client's mistake cools nothing", "p=2", keys(hour), minute, Outcome{Verdict: Mistaken}, 0, 0},
		{"a prompt too long cools nothing", "p=2", keys(hour), minute, Outcome{Verdict: TooLong}, 0, 0},
		{"a client that left cools nothing", "p=2", keys(hour), minute, Outcome{Verdict: Over}, 0, 0},

		{"a rate limit rests the key for as long as the provider says", "p=2", keys(hour), minute, Outcome{Verdict: RateLimited, RetryAfter: 7 * time.Second}, 0, 7 * time.Second},
		{"a rate limit rests an only key for as long as the provider says", "p", nothing, minute, Outcome{Verdict: RateLimited, RetryAfter: 5 * minute}, 0, 5 * minute},
		{"its word counts up to max_retry_after", "p", nothing, minute, Outcome{Verdict: RateLimited, RetryAfter: 12 * hour}, 0, 10 * minute},
		{"a rate limit without a time rests the key for api_key_cooldown_period", "p=2", keys(hour), minute, Outcome{Verdict: RateLimited}, 0, hour},
		{"else for api_key_rate_limit_cooldown_period", "p=2", limits(hour), minute, Outcome{Verdict: RateLimited}, 0, hour},
		{"else for cooldown_period", "p=2", nothing, minute, Outcome{Verdict: RateLimited}, 0, minute},
		{"an only key for cooldown_period", "p", limits(hour), minute, Outcome{Verdict: RateLimited}, 0, minute},
		{"but not for long", "p", nothing, hour, Outcome{Verdict: RateLimited}, 0, loneKeyMost},
		{"a rate limit without keys rests the channel", "p=0", nothing, minute, Outcome{Verdict: RateLimited, RetryAfter: 7 * time.Second}, 7 * time.Second, 0},

		{"a key without quota rests for hours", "p=2", nothing, minute, Outcome{Verdict: OutOfQuota}, 0, 6 * hour},
		{"whatever the provider says", "p=2", nothing, minute, Outcome{Verdict: OutOfQuota, RetryAfter: 9 * hour}, 0, 6 * hour},
		{"an only key without quota rests for minutes", "p", nothing, minute, Outcome{Verdict: OutOfQuota}, 0, loneKeyMost},
		{"an only key without quota that may come back soon", "p", nothing, minute, Outcome{Verdict: OutOfQuota, RetryAfter: time.Second}, 0, loneKeyMost},

		{"a refused key rests, whatever cools", "p=2", nothing, 0, Outcome{Verdict: KeyRefused}, 0, deadKeyCooldown},
		{"an only key that was refused rests", "p", nothing, minute, Outcome{Verdict: KeyRefused}, 0, deadKeyCooldown},
		{"a channel without keys that was refused rests", "p=0", nothing, minute, Outcome{Verdict: KeyRefused}, deadKeyCooldown, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := providers(test.p, "q").cooling(test.global).with("p", test.prefs).key("sk", "").build()
			plan := f.start("sk")
			a, _ := plan.Next()
			plan.Report(a, test.outcome)
			if channel, key := f.rested("p"); channel != test.channel || key != test.key {
				t.Errorf("the channel rests for %v, its key for %v; want %v, %v", channel, key, test.channel, test.key)
			}
		})
	}
}

func TestRefusedKeyRestsLongerEachTime(t *testing.T) {
	f := providers("p=2", "q").key("sk", "").with("p", func(p *config.ProviderPreferences) { p.KeySchedule = "fixed_priority" }).build()
	refuse := func() time.Duration {
		plan := f.start("sk")
		a, _ := plan.Next()
		if a.Key != 0 {
			t.Fatalf("key %d is tried, want the first to be probed", a.Key)
		}
		plan.Report(a, Outcome{Verdict: KeyRefused})
		_, rest := f.rested("p")
		return rest
	}
	for i, want := range []time.Duration{minute, 4 * minute, 16 * minute, 64 * minute, 4 * time.Hour, 4 * time.Hour} {
		got := refuse()
		if got != want {
			t.Errorf("rest %d is %v, want %v", i+1, got, want)
		}
		f.pass(got)
	}
	if got := f.first("sk"); got != "p" { // the probe is served
		t.Fatalf("%q serves", got)
	}
	f.pass(time.Second)
	if got := refuse(); got != minute {
		t.Errorf("after it has served, a refused key rests for %v, want %v", got, minute)
	}
}

func TestRequestsThatAreRefusedTogetherCountAsOne(t *testing.T) {
	f := providers("p", "q").key("sk", "").build()
	plans := make([]*Plan, 20)
	attempts := make([]Attempt, len(plans))
	for i := range plans {
		plans[i] = f.start("sk")
		attempts[i], _ = plans[i].Next()
	}
	for i := range plans {
		f.pass(time.Millisecond)
		plans[i].Report(attempts[i], Outcome{Verdict: KeyRefused})
	}
	if _, rest := f.rested("p"); rest != minute-19*time.Millisecond {
		t.Errorf("the key rests for %v, want a minute from the first", rest)
	}
}

func TestKeyThatFailedRests(t *testing.T) {
	const keys = 8
	f := providers("p=8", "q").with("p", func(p *config.ProviderPreferences) { p.KeyCooldown = minute }).key("sk", "").build()
	ring := f.table.Providers[0].ring
	var refused [keys]atomic.Int32
	// Each goroutine has an attempt in hand before any is reported.
	ready := make(chan struct{}, keys)
	reported := make(chan struct{})
	go func() {
		for range keys {
			<-ready
		}
		close(reported)
	}()
	concurrently(keys, func(int) {
		plan := f.start("sk")
		a, _ := plan.Next()
		ready <- struct{}{}
		<-reported
		if a.Key%2 == 1 {
			refused[a.Key].Add(1)
			plan.Report(a, Outcome{Verdict: KeyRefused})
		} else {
			plan.Report(a, Outcome{Verdict: Served})
		}
	})
	for i, key := range ring.keys {
		if s := key.breaker.Look(f.clock.Load(), f.table.Key("sk").client).State; (s == breaker.Open) != (i%2 == 1) || refused[i].Load() != int32(i%2) {
			t.Errorf("key %d is %v and was refused %d times", i, s, refused[i].Load())
		}
	}
}
