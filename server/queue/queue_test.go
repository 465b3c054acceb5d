package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// places is a limit: so many requests at once, of a key or of all.
type places struct {
	mu     sync.Mutex
	free   int
	shared bool
	order  []string
	most   int // that were ever taken at once
	taken  int
}

// try takes a place for a request by that name.
func (p *places) try(name string) func() Verdict {
	return func() Verdict {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.free == 0 {
			return Verdict{After: time.Second, Shared: p.shared}
		}
		p.free--
		p.taken++
		p.most = max(p.most, p.taken)
		p.order = append(p.order, name)
		return Verdict{Admitted: true}
	}
}

func (p *places) give() {
	p.mu.Lock()
	p.free++
	p.taken--
	p.mu.Unlock()
}

var roomy = Bounds{1000, 1000, 1 << 30, 1 << 30}

// wait has requests wait, named key/model/number, one after the other, and returns what became of each when they have
// ended.
func wait(ctx context.Context, q *Queue, p *places, names ...string) func() string {
	outcomes := make([]Ending, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		parts := strings.Split(name, "/")
		all.Go(func() {
			outcomes[i] = q.Wait(ctx, &Waiter{Key: parts[0], Model: parts[1], Bytes: 10, Until: time.Now().Add(30 * time.Second), Try: p.try(name)})
		})
		synctest.Wait()
	}
	return func() string {
		all.Wait()
		return fmt.Sprint(outcomes)
	}
}

func TestWhoWaitsIsAdmittedInTurn(t *testing.T) {
	for name, test := range map[string]struct {
		come  []string
		order string
	}{
		"one after the other":           {[]string{"a/m/1", "a/m/2", "a/m/3"}, "a/m/1 a/m/2 a/m/3"},
		"keys take turns":               {[]string{"a/m/1", "a/m/2", "a/m/3", "a/m/4", "b/m/1", "c/m/1", "c/m/2"}, "a/m/1 b/m/1 c/m/1 a/m/2 c/m/2 a/m/3 a/m/4"},
		"whatever their requests are":   {[]string{"a/m/1", "a/n/1", "a/o/1", "b/m/1"}, "a/m/1 b/m/1 a/n/1 a/o/1"},
		"one that has come in between":  {[]string{"b/m/1", "a/m/1", "b/m/2"}, "b/m/1 a/m/1 b/m/2"},
		"nobody but the one who waited": {[]string{"a/m/1"}, "a/m/1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, p := New(roomy), &places{shared: true}
				outcomes := wait(t.Context(), q, p, test.come...)
				if n := q.Stats().Waiting; n != int64(len(test.come)) {
					t.Fatalf("%d wait", n)
				}
				for range test.come {
					p.give()
					q.Freed()
					synctest.Wait()
				}
				if got := outcomes(); strings.Trim(strings.ReplaceAll(got, "admitted", ""), "[] ") != "" {
					t.Errorf("outcomes %s", got)
				}
				if got := strings.Join(p.order, " "); got != test.order {
					t.Errorf("admitted %s, want %s", got, test.order)
				}
				synctest.Wait()
				if s := q.Stats(); s.Waiting != 0 || s.Ended[Admitted] != int64(len(test.come)) || q.shared.Load() != 0 || q.bytes != 0 || q.running || len(q.lines) != 0 {
					t.Errorf("%+v is left", s)
				}
			})
		})
	}
}

func TestModelThatIsFullHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, full, free := New(roomy), &places{}, &places{free: 1}
		first := wait(t.Context(), q, full, "a/m/1", "a/m/2")
		if !q.Behind("a", "m") || q.Behind("a", "n") || q.Behind("b", "m") {
			t.Error("the places of those that come are not behind those of the same key and model")
		}
		if got := wait(t.Context(), q, free, "a/n/1")(); got != "[admitted]" {
			t.Errorf("outcome %s", got)
		}
		full.mu.Lock()
		full.shared = true
		full.mu.Unlock()
		time.Sleep(2 * time.Second)
		if !q.Behind("b", "m") {
			t.Error("who comes overtakes those that wait for what all keys share")
		}
		if first(); q.Behind("b", "m") {
			t.Error("somebody waits who has gone")
		}
	})
}

func TestTimePassesTooForWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, began := New(roomy), time.Now()
		opens := began.Add(5300 * time.Millisecond) // nobody tells
		o := q.Wait(t.Context(), &Waiter{Key: "a", Model: "m", Until: began.Add(30 * time.Second), Try: func() Verdict {
			left := time.Until(opens)
			return Verdict{Admitted: left <= 0, After: left}
		}})
		if waited := time.Since(began); o != Admitted || waited != 5300*time.Millisecond || q.Stats().Waited != waited {
			t.Errorf("outcome %v after %v", o, waited)
		}
	})
}

// TestWhoWaitsLeavesTheProcessorToOthers has a request end every millisecond while trying all who wait takes twenty.
func TestWhoWaitsLeavesTheProcessorToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(roomy)
		var tries atomic.Int64
		var over atomic.Bool
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				q.Wait(ctx, &Waiter{Key: "k", Model: fmt.Sprint(i), Until: time.Now().Add(time.Minute), Try: func() Verdict {
					if !over.Load() {
						time.Sleep(2 * time.Millisecond)
						tries.Add(1)
					}
					return Verdict{After: time.Second}
				}})
			})
		}
		for range 10_000 {
			time.Sleep(time.Millisecond)
			q.Freed()
		}
		if busy := time.Duration(tries.Load()) * 2 * time.Millisecond; tries.Load() < 100 || busy > 10*time.Second/(restsAfter+1)+100*time.Millisecond {
			t.Errorf("%d tries took %v of 10 s", tries.Load(), busy)
		}
		over.Store(true)
		time.Sleep(10 * time.Millisecond) // no try is under way any more: whoever leaves would wait for its end, and this clock for them
		leave()
		all.Wait()
		time.Sleep(time.Second) // until nobody tries any more
	})
}

func TestWaitingEnds(t *testing.T) {
	for name, test := range map[string]struct {
		bounds Bounds
		end    func(q *Queue, cancel func())
		after  time.Duration
		want   string
	}{
		"at its time":                      {roomy, func(*Queue, func()) {}, 30 * time.Second, "[late late]"},
		"when the client leaves":           {roomy, func(_ *Queue, cancel func()) { cancel() }, 0, "[left left]"},
		"when the gateway ends":            {roomy, func(q *Queue, _ func()) { q.Close(); q.Close() }, 0, "[closed closed]"},
		"before it began: too many":        {Bounds{1, 9, 99, 99}, func(q *Queue, _ func()) { q.Close() }, 0, "[closed full]"},
		"before it began: too many of one": {Bounds{9, 1, 99, 99}, func(q *Queue, _ func()) { q.Close() }, 0, "[closed full]"},
		"before it began: too large":       {Bounds{9, 9, 19, 99}, func(q *Queue, _ func()) { q.Close() }, 0, "[closed full]"},
		"before it began: a key too large": {Bounds{9, 9, 99, 19}, func(q *Queue, _ func()) { q.Close() }, 0, "[closed full]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				q, began := New(test.bounds), time.Now()
				outcomes := wait(ctx, q, &places{}, "a/m/1", "a/m/2")
				test.end(q, cancel)
				if got := outcomes(); got != test.want || time.Since(began) != test.after {
					t.Errorf("outcomes %s after %v, want %s after %v", got, time.Since(began), test.want, test.after)
				}
				synctest.Wait()
				if q.Stats().Waiting != 0 || q.running {
					t.Error("somebody waits still")
				}
			})
		})
	}
}

func TestNobodyWaitsForAGatewayThatEnds(t *testing.T) {
	q := New(roomy)
	q.Close()
	if o := q.Wait(t.Context(), &Waiter{Key: "a", Until: time.Now().Add(time.Hour), Try: func() Verdict { return Verdict{Admitted: true} }}); o != Closed {
		t.Errorf("outcome %v", o)
	}
}

func TestManyWaitAtOnceAndNoneIsLost(t *testing.T) {
	const keys, each, most = 8, 60, 3
	q, p := New(roomy), &places{free: most}
	var all sync.WaitGroup
	for k := range keys {
		for i := range each {
			ctx, leaves := context.WithCancel(t.Context())
			if rand.IntN(4) == 0 {
				go leaves()
			}
			all.Go(func() {
				defer leaves()
				name := fmt.Sprintf("%d/%d", k, i)
				if q.Wait(ctx, &Waiter{Key: fmt.Sprint(k), Model: fmt.Sprint(i % 3), Until: time.Now().Add(time.Minute), Try: p.try(name)}) == Admitted {
					p.give()
					q.Freed()
				}
			})
		}
	}
	all.Wait()
	s := q.Stats()
	if p.most > most || p.free != most || s.Waiting != 0 || s.Ended[Admitted]+s.Ended[Left] != keys*each || int64(len(p.order)) != s.Ended[Admitted] {
		t.Errorf("at most %d at once, %d free, %d admitted by the limit, %+v", p.most, p.free, len(p.order), s)
	}
}

// BenchmarkFreed is what the end of a request costs where nobody waits.
func BenchmarkFreed(b *testing.B) {
	q := New(roomy)
	b.ReportAllocs()
	for b.Loop() {
		q.Freed()
	}
}
