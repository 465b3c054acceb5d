//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"uniapi/balancer/breaker"
)

// ear collects what an instance hears.
type ear struct {
	mu   sync.Mutex
	last map[breaker.Name]breaker.News
}

func listen(t *testing.T, c *Cluster) *ear {
	e := &ear{last: map[breaker.Name]breaker.News{}}
	go func() {
		for t.Context().Err() == nil {
			c.Breakers().Watch(t.Context(), func(news []breaker.News) {
				e.mu.Lock()
				defer e.mu.Unlock()
				for _, n := range news {
					e.last[n.Name] = n
				}
			})
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return e
}

func (e *ear) heard(of breaker.Name) (breaker.News, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, ok := e.last[of]
	return n, ok
}

func publish(t *testing.T, c *Cluster, n breaker.News) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := c.Breakers().Publish(ctx, []breaker.News{n}); err != nil {
		t.Fatal(err)
	}
}

func claim(t *testing.T, c *Cluster, of breaker.Name) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	mine, err := c.Breakers().Claim(ctx, of, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return mine
}

func TestWhatRestsIsHeardByTheOthersWithinASecondAndByWhoComesLater(t *testing.T) {
	r := startRedis(t)
	a, _ := r.join(t, nil)
	b, _ := r.join(t, nil)
	own, other := listen(t, a), listen(t, b)
	name := breaker.Name{Provider: "p digest", Model: "m", Key: "k"}
	said := breaker.News{Name: name, Rests: true, Until: time.Minute, Held: 30 * time.Second, Failures: 3, Limit: true, Reason: "it said \"no\" – 429"}
	publish(t, a, said)
	within(t, time.Second, func() bool { _, ok := other.heard(name); return ok })
	check := func(e *ear, slack time.Duration) {
		t.Helper()
		got, _ := e.heard(name)
		if got.Until > said.Until || got.Until < said.Until-slack || got.Held > said.Held || got.Held < said.Held-slack {
			t.Errorf("it rests for %v, held for %v", got.Until, got.Held)
		}
		got.Until, got.Held = said.Until, said.Held
		if got != said {
			t.Errorf("heard %+v, not %+v", got, said)
		}
	}
	check(other, 2*time.Second)
	c, _ := r.join(t, nil)
	late := listen(t, c)
	within(t, time.Second, func() bool { _, ok := late.heard(name); return ok })
	check(late, 10*time.Second)
	publish(t, b, breaker.News{Name: name})
	for _, e := range []*ear{own, late} {
		within(t, time.Second, func() bool { n, ok := e.heard(name); return ok && !n.Rests })
	}
	if n, _ := other.heard(name); !n.Rests {
		t.Error("an instance hears what it has said itself")
	}
}

func TestOneInstanceProbesForAll(t *testing.T) {
	r := startRedis(t)
	a, _ := r.join(t, nil)
	b, _ := r.join(t, nil)
	name := breaker.Name{Provider: "p"}
	if !claim(t, a, name) || claim(t, b, name) || !claim(t, a, name) || !claim(t, b, breaker.Name{Provider: "q"}) {
		t.Fatal("a claim is not of one instance alone")
	}
	time.Sleep(claimFor + time.Second) // it is renewed as long as its instance lives
	if claim(t, b, name) {
		t.Error("a claim is over while its instance lives")
	}
	publish(t, a, breaker.News{Name: name})
	if !claim(t, b, name) {
		t.Error("the claim is not over when it is told how the probe went")
	}
	b.stop() // as if it were killed: nobody renews
	within(t, claimFor+time.Second, func() bool { return claim(t, a, name) })
}

func TestWhatIsOverIsForgottenBehindWhatRestsForLong(t *testing.T) {
	r := startRedis(t)
	c, _ := r.join(t, nil)
	put := func(model, ms string) {
		t.Helper()
		of := breaker.Name{Provider: "p", Model: model}
		if _, err := c.run(t.Context(), publishScript, append(slices.Clone(c.breakers.keys), c.breakers.claimKey(of)), []string{c.id, fieldOf(of), "{}", ms}); err != nil {
			t.Fatal(err)
		}
	}
	number := func(command rueidis.Completed) int64 {
		t.Helper()
		n, err := (*c.client.Load()).Do(t.Context(), command).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const long, short = 40, 500
	for i := range long {
		put(fmt.Sprint("for long ", i), "3600000")
	}
	for i := range short {
		put(fmt.Sprint("soon over ", i), "1")
	}
	b := (*c.client.Load()).B()
	within(t, time.Second, func() bool {
		put("for long 0", "3600000")
		return number(b.Hlen().Key(c.breakers.keys[0]).Build()) == long
	})
	for _, key := range []string{c.breakers.keys[1], c.breakers.keys[3]} {
		if n := number(b.Zcard().Key(key).Build()); n != long {
			t.Errorf("%s has %d", key, n)
		}
	}
}
