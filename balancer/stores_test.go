package balancer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
	"uniapi/config"
)

// farLimits is a store of limits that several instances share: each lets all through by itself, and the one that they
// share decides.
type farLimits struct {
	limit.Store       // what all together may do
	shared      *line // how it is reached
	mu          sync.Mutex
	asked       int
}

// line is a connection to a store.
type line struct {
	mu    sync.Mutex
	fault fault
}

// fault is what is wrong with a line.
type fault struct {
	slow bool // the answer comes when nobody waits any more
	err  error
}

func (l *line) set(f fault) {
	l.mu.Lock()
	l.fault = f
	l.mu.Unlock()
}

func (l *line) pass(ctx context.Context) error {
	l.mu.Lock()
	f := l.fault
	l.mu.Unlock()
	if f.slow {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.err
}

var faults = map[string]fault{"slow": {slow: true}, "failing": {err: errors.New("connection refused")}}

func (s *farLimits) Subject(name string, table config.ModelTable[config.RateLimit]) limit.Limiter {
	inner := s.Store.Subject(name, table)
	if inner == (limit.Unlimited{}) {
		return inner
	}
	return &farLimiter{inner}
}

func (s *farLimits) Confirm(ctx context.Context, grants []limit.Grant) (int, limit.Refusal, error) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	if err := s.shared.pass(ctx); err != nil {
		return -1, limit.Refusal{}, err
	}
	var held []limit.Grant
	for i, g := range grants {
		r := g.Record.(*farRecord)
		grant, why, ok := r.limiter.Take(r.model, g.At)
		if !ok {
			for _, h := range held {
				h.Cancel()
			}
			return i, why, nil
		}
		held = append(held, grant)
		r.held = grant
	}
	return -1, limit.Refusal{}, nil
}

type farLimiter struct{ limit.Limiter }

func (l *farLimiter) Take(model string, now int64) (limit.Grant, limit.Refusal, bool) {
	return limit.Grant{Record: &farRecord{limiter: l.Limiter, model: model}, At: now}.IfConfirmed(), limit.Refusal{}, true
}

func (l *farLimiter) Check(string, limit.Need, int64) (limit.Refusal, bool) {
	return limit.Refusal{}, true
}

type farRecord struct {
	limiter limit.Limiter
	model   string
	held    limit.Grant
}

func (r *farRecord) Cancel(uint64, int64)            { r.held.Cancel() }
func (r *farRecord) Quota(uint64, int64) limit.Quota { return r.held.Quota() }

// instances are fixtures that share stores.
func instances(n int, stores Stores, make func(*fixture) *fixture) []*fixture {
	var all []*fixture
	for range n {
		f := make(providers("p=2"))
		stores := stores
		f.state = NewState(stores)
		f.state.now = f.clock.Load
		all = append(all, f.build())
	}
	return all
}

func limitedTo(n int64) config.RateLimit {
	return config.RateLimit{Limits: []config.Limit{{Count: n, Window: time.Minute}}}
}

func TestStoreOfLimitsHasTheLastWordOnWhatSeveralInstancesLetIn(t *testing.T) {
	far := &farLimits{Store: limit.NewLocal(), shared: new(line)}
	all := instances(3, Stores{Limits: far}, func(f *fixture) *fixture {
		f.key("sk", config.FixedPriority).cfg.APIKeys[0].Preferences.RateLimit.Set("default", limitedTo(5))
		return f
	})
	served := 0
	for range 4 {
		for _, f := range all {
			_, refused := f.table.Key("sk").Admit(t.Context(), limit.Need{}, "m")
			if refused == nil {
				served++
			} else if refused.Limit.Count != 5 || refused.Model != "m" || refused.After <= 0 || refused.Unknown {
				t.Fatalf("refused as %+v", refused)
			}
		}
	}
	if served != 5 {
		t.Errorf("%d requests were let in, want 5", served)
	}
}

func TestStoreThatRefusesTheLimitOfAllTakesTheKeysOwnBack(t *testing.T) {
	far := &farLimits{Store: limit.NewLocal(), shared: new(line)}
	f := instances(1, Stores{Limits: far}, func(f *fixture) *fixture {
		f.key("sk", config.FixedPriority).cfg.APIKeys[0].Preferences.RateLimit.Set("default", limitedTo(5))
		f.cfg.Preferences.RateLimit = limitedTo(1)
		return f
	})[0]
	for i := range 10 {
		_, refused := f.table.Key("sk").Admit(t.Context(), limit.Need{}, "m")
		if (refused == nil) != (i == 0) || i > 0 && !refused.Global {
			t.Fatalf("request %d: %+v", i, refused)
		}
	}
}

func TestLimitThatNobodyConfirmsIsDecidedAsStoresSay(t *testing.T) {
	for name, broken := range faults {
		for _, strict := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var failures []error
					far := &farLimits{Store: limit.NewLocal(), shared: &line{fault: broken}}
					f := instances(1, Stores{Limits: far, Strict: strict, Failed: func(err error) { failures = append(failures, err) }}, func(f *fixture) *fixture {
						f.key("sk", config.FixedPriority).cfg.APIKeys[0].Preferences.RateLimit.Set("default", limitedTo(5))
						return f
					})[0]
					began := time.Now()
					_, refused := f.table.Key("sk").Admit(t.Context(), limit.Need{}, "m")
					if (refused != nil) != strict || strict && !refused.Unknown {
						t.Errorf("strict %v: %+v", strict, refused)
					}
					if took := time.Since(began); took > DefaultPatience {
						t.Errorf("it took %v, want at most %v", took, DefaultPatience)
					}
					if len(failures) != 1 || broken.err != nil && !errors.Is(failures[0], broken.err) {
						t.Errorf("told of %v", failures)
					}
				})
			})
		}
	}
}

// confirmed makes the attempts of a request as the relay does, and tells with which keys.
func confirmed(t *testing.T, p *Plan, v Verdict) (keys []int) {
	for a, more := p.Next(); more; a, more = p.Next() {
		if !p.Confirm(t.Context(), &a) {
			continue
		}
		keys = append(keys, a.Key)
		p.Report(a, Outcome{Verdict: v})
	}
	return keys
}

func TestLimitOfAProvidersKeyIsSharedAndAnotherKeyTaken(t *testing.T) {
	far := &farLimits{Store: limit.NewLocal(), shared: new(line)}
	all := instances(2, Stores{Limits: far}, func(f *fixture) *fixture {
		return f.key("sk", config.FixedPriority).with("p", func(p *config.ProviderPreferences) {
			p.KeySchedule = string(config.FixedPriority)
			p.KeyRateLimit.Set("default", limitedTo(2))
		})
	})
	var got [][]int
	for range 3 {
		for _, f := range all {
			p := f.start("sk")
			got = append(got, confirmed(t, p, Served))
			if len(got) > 4 {
				if block, _ := p.Blocked(); block.Limited == 0 {
					t.Errorf("nothing says that a limit was in the way: %+v", block)
				}
			}
		}
	}
	if want := [][]int{{0}, {0}, {1}, {1}, nil, nil}; !slices.EqualFunc(got, want, slices.Equal[[]int]) {
		t.Errorf("the requests were served with keys %v, want %v", got, want)
	}
}

func TestClientKeyInThePlaceOfAChannelHasItsLimitShared(t *testing.T) {
	far := &farLimits{Store: limit.NewLocal(), shared: new(line)}
	all := instances(2, Stores{Limits: far}, func(f *fixture) *fixture {
		f.key("sk", config.FixedPriority, "sk-team/*").key("sk-team", config.FixedPriority)
		f.cfg.APIKeys[1].Preferences.RateLimit.Set("default", limitedTo(3))
		return f
	})
	served := 0
	for range 4 {
		for _, f := range all {
			served += len(confirmed(t, f.start("sk"), Served))
		}
	}
	if served != 3 {
		t.Errorf("%d requests were served, want 3", served)
	}
}

func TestNextNeverAsksAStore(t *testing.T) {
	far := &farLimits{Store: limit.NewLocal(), shared: &line{fault: fault{slow: true}}}
	f := instances(1, Stores{Limits: far}, func(f *fixture) *fixture {
		return f.key("sk", config.FixedPriority).with("p", func(p *config.ProviderPreferences) { p.KeyRateLimit.Set("default", limitedTo(2)) })
	})[0]
	walk(f.start("sk"), always(Unavailable))
	if far.asked != 0 {
		t.Errorf("the store was asked %d times", far.asked)
	}
}

// farBreakers is a store of breakers as one instance reaches it.
type farBreakers struct {
	*line
	hub *hub
	me  int
}

// hub is what instances share of their breakers.
type hub struct {
	mu     sync.Mutex
	told   []func([]breaker.News) // by instance
	claims map[breaker.Name]int
	known  map[breaker.Name]breaker.News
}

func (s farBreakers) Publish(ctx context.Context, news []breaker.News) error {
	if err := s.pass(ctx); err != nil {
		return err
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for _, n := range news {
		s.hub.known[n.Name] = n
		if s.hub.claims[n.Name] == s.me {
			delete(s.hub.claims, n.Name)
		}
	}
	for i, told := range s.hub.told {
		if i != s.me && told != nil {
			told(news)
		}
	}
	return nil
}

func (s farBreakers) Watch(ctx context.Context, told func([]breaker.News)) error {
	dialing, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.pass(dialing); err != nil {
		return err
	}
	s.hub.mu.Lock()
	s.hub.told[s.me] = told
	told(slices.Collect(maps.Values(s.hub.known)))
	s.hub.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (s farBreakers) Claim(ctx context.Context, of breaker.Name, _ time.Duration) (bool, error) {
	if err := s.pass(ctx); err != nil {
		return false, err
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	by, claimed := s.hub.claims[of]
	if !claimed {
		s.hub.claims[of] = s.me
	}
	return !claimed || by == s.me, nil
}

// fleet are instances whose breakers are shared over a connection.
func fleet(t *testing.T, n int, over *line, failed func(error)) []*fixture {
	h := &hub{told: make([]func([]breaker.News), n), claims: make(map[breaker.Name]int), known: make(map[breaker.Name]breaker.News)}
	var all []*fixture
	for i := range n {
		f := providers("p=2", "q").key("sk", config.FixedPriority).key("other", config.FixedPriority).cooling(10 * time.Second)
		f.state = NewState(Stores{Breakers: farBreakers{over, h, i}, Failed: failed})
		begin := time.Now().Add(-time.Hour)
		f.state.now = func() int64 { return int64(time.Since(begin)) }
		all = append(all, f.build())
		go f.state.Share(t.Context())
	}
	synctest.Wait()
	return all
}

func (f *fixture) tried(t *testing.T, v Outcome) string {
	p := f.start("sk")
	for {
		a, more := p.Next()
		if !more {
			return ""
		}
		if !p.Confirm(t.Context(), &a) {
			continue
		}
		if a.Provider.Config.Name != "p" {
			v = Outcome{Verdict: Served}
		}
		p.Report(a, v)
		return a.Provider.Config.Name
	}
}

func TestWhatRestsInOneInstanceRestsInAllAndOneProbesForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := fleet(t, 3, new(line), nil)
		down := Outcome{Verdict: Unavailable, Sure: true, Reason: "it is down"}
		if got := all[0].tried(t, down); got != "p" {
			t.Fatalf("first %q was tried", got)
		}
		synctest.Wait()
		for i, f := range all {
			if got := f.tried(t, down); got != "q" {
				t.Errorf("instance %d goes to %q while p rests", i, got)
			}
			if got := f.state.Overview(f.table)[0].Channels[0]; !got.Resting {
				t.Errorf("instance %d: %+v", i, got)
			}
		}
		time.Sleep(11 * time.Second)
		probe := all[1].start("sk")
		a, _ := probe.Next()
		if !probe.Confirm(t.Context(), &a) || a.Provider.Config.Name != "p" {
			t.Fatalf("the probe goes to %s", a.Provider.Config.Name)
		}
		for range 5 { // as long as it lasts
			for _, i := range []int{0, 2} {
				if got := all[i].tried(t, down); got != "q" {
					t.Errorf("instance %d probes beside another", i)
				}
			}
			time.Sleep(2 * time.Second)
		}
		probe.Report(a, Outcome{Verdict: Served})
		synctest.Wait()
		for i, f := range all {
			if got := f.tried(t, Outcome{Verdict: Served}); got != "p" {
				t.Errorf("instance %d goes to %q after the probe was served", i, got)
			}
		}
	})
}

func TestKeyThatOneInstanceFoundRefusedIsNotAskedByTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := fleet(t, 2, new(line), nil)
		p := all[0].start("sk")
		a, _ := p.Next()
		p.Report(a, Outcome{Verdict: KeyRefused, Sure: true, Reason: "401"})
		synctest.Wait()
		for range 6 {
			p := all[1].start("sk")
			b, _ := p.Next()
			if b.Key == a.Key {
				t.Errorf("key %d is asked again", b.Key)
			}
			p.Report(b, Outcome{Verdict: Served})
		}
	})
}

func TestBreakerStoreThatFailsStopsNoRequest(t *testing.T) {
	for name, broken := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				failures := 0
				over := &line{fault: broken}
				all := fleet(t, 2, over, func(error) { mu.Lock(); failures++; mu.Unlock() })
				down := Outcome{Verdict: Unavailable, Sure: true, Reason: "it is down"}
				all[0].tried(t, down)
				if got := all[0].tried(t, down); got != "q" {
					t.Errorf("what rests is not left out: %q", got)
				}
				time.Sleep(11 * time.Second)
				began := time.Now()
				if got := all[0].tried(t, down); got != "p" { // nobody else is known to probe
					t.Errorf("after the pause %q is tried", got)
				}
				if took := time.Since(began); took > DefaultPatience {
					t.Errorf("it took %v, want at most %v", took, DefaultPatience)
				}
				mu.Lock()
				if failures < 2 || failures > 50 { // a line a second, and the claim
					t.Errorf("%d failures were told", failures)
				}
				mu.Unlock()
				over.set(fault{}) // it is back: what rests is published after all
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if got := all[0].state.Overview(all[0].table)[0].Channels[0]; !got.Resting {
					t.Fatalf("the probe failed, and yet %+v", got)
				}
				if got := all[1].state.Overview(all[1].table)[0].Channels[0]; !got.Resting {
					t.Errorf("the other instance has not heard: %+v", got)
				}
			})
		})
	}
}

func TestStoreHasTheLastWordOnWhatAllKeysTogetherMayHaveOfAModel(t *testing.T) {
	far := &farLimits{Store: limit.NewLocal(), shared: new(line)}
	all := instances(2, Stores{Limits: far}, func(f *fixture) *fixture {
		f.key("sk", config.FixedPriority).cfg.Preferences.ModelRateLimit.Set("m", limitedTo(3))
		return f
	})
	served := 0
	for range 4 {
		for _, f := range all {
			_, refused := f.table.Key("sk").Admit(t.Context(), limit.Need{}, "m")
			if refused == nil {
				served++
			} else if !refused.Shared || refused.Model != "m" {
				t.Fatalf("refused as %+v", refused)
			}
		}
	}
	if served != 3 {
		t.Errorf("%d requests were let in, want 3", served)
	}
}
