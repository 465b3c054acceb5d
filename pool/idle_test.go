package pool

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"uniapi/pool/pooltest"
)

// owners is an upstream that remembers which paths came over which of its connections.
type owners struct {
	mu   sync.Mutex
	seen map[int64][]string
}

func (o *owners) serve(p *pooltest.Peer) {
	for {
		req, _, ok := p.Request()
		if !ok {
			return
		}
		o.mu.Lock()
		if o.seen == nil {
			o.seen = map[int64][]string{}
		}
		o.seen[p.Nth] = append(o.seen[p.Nth], req.URL.Path)
		o.mu.Unlock()
		p.Say(pooltest.OKAnswer)
	}
}

// strangers are the connections over which more than one path came.
func (o *owners) strangers() (mixed [][]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, paths := range o.seen {
		if len(slices.Compact(slices.Clone(paths))) > 1 {
			mixed = append(mixed, paths)
		}
	}
	return mixed
}

func owned(owner string) *Request {
	return &Request{Method: "POST", Path: "/" + owner, Body: post.Body, Owner: owner}
}

func TestConnectionsAreNotSharedAmongOwners(t *testing.T) {
	for _, way := range []string{"http", "https", "http by an HTTP proxy", "http by an HTTPS proxy", "https by an HTTP proxy", "http by a SOCKS5 proxy"} {
		t.Run(way, func(t *testing.T) {
			var o owners
			tg := ways(t, o.serve, Options{})[way]
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					owner := fmt.Sprint("key-", i%3)
					for range 20 {
						if status, _, err := fetch(tg, owned(owner), patient); status != 200 || err != nil {
							t.Error(status, err)
						}
					}
				})
			}
			wg.Wait()
			if mixed := o.strangers(); len(mixed) > 0 {
				t.Errorf("connections with requests of several owners: %q", mixed)
			}
			if s := tg.pool.Stats(); s.Dials > 6 || s.Reused != 120-s.Dials {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestConnectionsServeOneKeyUntilAnAnswerCanBeJudged has several keys ask in turn for what the gateway does not know
// the time of yet.
func TestConnectionsServeOneKeyUntilAnAnswerCanBeJudged(t *testing.T) {
	var o owners
	tg := target(t, newPool(t, Options{}), "http", pooltest.Listen(t, o.serve).Addr, "")
	known, fresh := new(Pace), new(Pace)
	for i, tt := range []struct {
		whose  string
		pace   *Pace
		reused bool
	}{
		{"a", known, false},
		{"b", known, false},
		{"a", known, true}, // whereby three times are known
		{"c", known, true}, // over a's, which is nobody's alone from now on
		{"a", fresh, false},
		{"b", fresh, true},
		{"c", nil, true}, // nothing will ever be known
		{"", new(Pace), true},
		{"b", new(Pace), false}, // the others have served its connection
	} {
		req := owned("")
		req.Whose, req.Pace = tt.whose, tt.pace
		resp, err := tg.Do(new(Call), req, patient)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Close(); resp.Reused != tt.reused {
			t.Fatalf("%d, %s's: the connection has served before: %v", i, tt.whose, resp.Reused)
		}
	}
}

// The room for idle connections is that of the target, whoever owns them; an owner that comes late has some too.
func TestConnectionIdleLongestMakesRoom(t *testing.T) {
	var o owners
	p := newPool(t, Options{MaxIdlePerTarget: 4})
	tg := target(t, p, "http", pooltest.Listen(t, o.serve).Addr, "")
	ask := func(owner string) (reused bool) {
		t.Helper()
		resp, err := tg.Do(new(Call), owned(owner), patient)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Close()
		return resp.Reused
	}
	for _, tt := range []struct {
		owner  string
		reused bool
	}{
		{"a", false}, {"b", false}, {"c", false}, {"d", false},
		{"a", true}, {"b", true},
		{"e", false}, // in the place of c's
		{"d", true}, {"a", true}, {"b", true}, {"e", true},
		{"c", false}, // in the place of d's
		{"d", false},
	} {
		if reused := ask(tt.owner); reused != tt.reused {
			t.Fatalf("%s's connection has served before: %v", tt.owner, reused)
		}
		if s := p.Stats(); s.Idle > 4 || s.Open != s.Idle {
			t.Fatalf("%+v", s)
		}
	}
}

// What the gateway asks for itself goes over connections of its own.
func TestRequestThatIsAloneSharesItsConnectionWithNone(t *testing.T) {
	var o owners
	tg := direct(t, pooltest.Listen(t, o.serve))
	mustFetch(t, tg)
	for range 3 {
		resp, err := tg.Do(new(Call), &Request{Method: "GET", Path: "/alone", Alone: true}, patient)
		if err != nil || resp.Reused {
			t.Fatalf("%v; over a connection that has served before: %v", err, resp.Reused)
		}
		resp.Close()
	}
	mustFetch(t, tg)
	if s := tg.pool.Stats(); s.Dials != 4 || s.Reused != 1 || s.Open != 1 || len(o.strangers()) > 0 {
		t.Errorf("%+v, %q", s, o.strangers())
	}
}

// A list that is fetched for all belongs to no client.
