package admin

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/usage"
)

// Of one key one request is at it at a time and a few wait; another key's waits for none of them.
func TestTurnsAreOfOneKeyAndFew(t *testing.T) {
	var all turns
	one, other := new(usage.Key), new(usage.Key)
	begun, full := all.begin(one, false)
	if full {
		t.Fatal("the first is refused")
	}
	came := make(chan func())
	for range mostAsking - 1 {
		go func() {
			done, full := all.begin(one, false)
			if full {
				t.Error("one of those that may wait is refused")
				done = func() {}
			}
			came <- done
		}()
	}
	own := all.keys[one]
	for own.asking.Load() < mostAsking {
		select {
		case <-came:
			t.Fatal("two have their turn at once")
		default:
		}
	}
	if _, full := all.begin(one, false); !full {
		t.Error("one more waits")
	}
	if done, full := all.begin(other, false); full {
		t.Error("another key is refused")
	} else {
		done()
	}
	begun()
	for range mostAsking - 1 {
		(<-came)()
	}
	if n := own.asking.Load(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// A key that asks again and again for what takes long leaves three quarters of the time to others; an admin's does not
// wait for itself.
func TestTurnsLeaveTimeToOthers(t *testing.T) {
	for _, admin := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var all turns
			one, other := new(usage.Key), new(usage.Key)
			began, most := time.Now(), time.Duration(0)
			for range 10 {
				done, _ := all.begin(one, admin)
				time.Sleep(time.Second)
				done()
				asked := time.Now()
				done, _ = all.begin(other, admin)
				most = max(most, time.Since(asked))
				done()
			}
			want := 10 * time.Second
			if !admin {
				want += 9 * turnRest * time.Second
			}
			if took := time.Since(began); took != want || most != 0 {
				t.Errorf("admin %v: ten turns of a second took %v, want %v; another key waited for %v", admin, took, want, most)
			}
		})
	}
}

// TestWhatAnyKeyMayAskTakesTurns is for all routes, also those that are yet to come: what any key may ask costs next to
// nothing, or is done for one request of a key at a time.
func TestWhatAnyKeyMayAskTakesTurns(t *testing.T) {
	cheap := map[string]bool{"/v1/me": true, "/dashboard/billing/usage": true, "/v1/dashboard/billing/usage": true} // a counter each
	g := new(gateway)
	a := newAPI(t, g)
	by := &Caller{APIKey: a.key, Book: a.Books.Key(a.key.Key)}
	done, _ := a.turns.begin(by.Book, false)
	a.turns.keys[by.Book].asking.Add(mostAsking) // as if as many waited as may
	for _, r := range a.routes {
		if r.Who != Anyone {
			continue
		}
		g.told = nil
		r.Serve(new(fasthttp.RequestCtx), by)
		if refused := g.told == errTooManyAtOnce; refused == cheap[r.Path] {
			t.Errorf("%s is refused: %v", r.Path, refused)
		}
	}
	a.turns.keys[by.Book].asking.Add(-mostAsking)
	done()
	for _, r := range a.routes { // and nothing waits for a turn that it has itself
		if r.Who != Anyone {
			continue
		}
		served := make(chan bool)
		go func() {
			r.Serve(new(fasthttp.RequestCtx), by)
			close(served)
		}()
		select {
		case <-served:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s is not answered", r.Path)
		}
	}
}
