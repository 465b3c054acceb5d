package server

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/server/requestlog"
)

// TestKeysTakeTurnsToLookForTheirRequests has one key ask again as soon as it has been answered, whatever it is told.
func TestKeysTakeTurnsToLookForTheirRequests(t *testing.T) {
	l := newLookups()
	done, ok := l.begin("greedy")
	if !ok {
		t.Fatal("the first has no turn")
	}
	if _, ok := l.begin("greedy"); ok {
		t.Error("a key has two turns")
	}
	turns := make(chan string, mostTurns+1)
	var all sync.WaitGroup
	for i := range mostTurns {
		all.Go(func() {
			done, ok := l.begin(fmt.Sprint(i))
			if !ok {
				t.Errorf("key %d has no turn", i)
				return
			}
			turns <- fmt.Sprint(i)
			done(0)
		})
	}
	eventually(t, "all wait", func() bool {
		l.asking.Lock()
		defer l.asking.Unlock()
		return len(l.keys) == mostTurns+1
	})
	if _, ok := l.begin("one more"); ok {
		t.Error("one more than may wait has its turn")
	}
	done(time.Millisecond)
	all.Wait() // whatever order they have found
	if len(turns) != mostTurns || len(l.keys) != 0 {
		t.Errorf("%d had their turns, %d are left", len(turns), len(l.keys))
	}
	began := time.Now()
	done, _ = l.begin("a")
	done(20 * time.Millisecond)
	if done, ok = l.begin("b"); !ok || time.Since(began) < ownLookupRest*20*time.Millisecond {
		t.Errorf("the next search comes %v after one of 20 ms", time.Since(began))
	}
	done(0)
}

// TestKeyIsToldOfItsRequestsAsItMayBe asks as a key that is no admin's.
func TestKeyIsToldOfItsRequestsAsItMayBe(t *testing.T) {
	const other = "sk-other-0123456789abcdefghijklm"
	folder := filepath.Join(t.TempDir(), "requests")
	up := listen(t, both)
	g := startWith(t, Options{Requests: folder, RequestMemory: 4 << 20}, providerOf("hidden", up), "api_keys: [{api: "+clientKeyText+", role: admin}, {api: "+other+"}]\n", "preferences: {request_log: metadata}\n")
	as := []string{"Authorization", "Bearer " + other}
	g.do("POST", "/v1/chat/completions", plainRequest, as...)
	keptIn(t, g, folder, 1)
	for query, finds := range map[string]bool{"": true, "?q=hidden": false, "?provider=hidden": true, "?q=chat": true, "?model=m": true} {
		a := g.do("GET", "/v1/requests"+query, "", as...)
		if found := strings.Contains(a.body, `"status":200`); a.StatusCode != 200 || found != finds || strings.Contains(a.body, "hidden") {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
	g.do("POST", "/v1/chat/completions", plainRequest, as...)
	g.do("POST", "/v1/chat/completions", plainRequest, "Authorization", "Bearer "+clientKeyText)
	keptIn(t, g, folder, 3)
	var pages [2]struct {
		Requests []struct{ ID string }
		Next     string
	}
	from := ""
	for i := range pages {
		a := g.do("GET", "/v1/requests?limit=1&from="+from, "", as...)
		if err := json.Unmarshal([]byte(a.body), &pages[i]); err != nil || len(pages[i].Requests) != 1 {
			t.Fatalf("page %d: %s", i, a.body)
		}
		from = pages[i].Next
	}
	if pages[0].Requests[0].ID == pages[1].Requests[0].ID {
		t.Errorf("both pages are %s", pages[0].Requests[0].ID)
	}
	plainly := g.do("GET", "/v1/requests?limit=1", "", "Authorization", "Bearer "+clientKeyText)
	if err := json.Unmarshal([]byte(plainly.body), &pages[1]); err != nil || !strings.Contains(pages[1].Next, "Z-") {
		t.Fatalf("an admin's: %s", plainly.body)
	}
	if next := pages[0].Next; strings.Contains(next, time.Now().UTC().Format("20060102T")) || len(next) < placeLength {
		t.Errorf("a key is told %s, which says how much others have sent", next)
	}
	for _, other := range []string{pages[1].Next, pages[0].Next + "AA", "x"} { // of an admin, or made up
		if a := g.do("GET", "/v1/requests?from="+other, "", as...); a.StatusCode != 400 || !strings.Contains(a.body, "from must be") {
			t.Errorf("from=%s: %d %s", other, a.StatusCode, a.body)
		}
	}
	g.requests.Flush()
	page, err := requestlog.Search(context.Background(), folder, requestlog.Query{Text: "hidden"})
	if err != nil || len(page.Found) != 3 {
		t.Errorf("the log has %d: %v", len(page.Found), err)
	}
	long := append(append([]byte(`{"time":"2026-01-01T00:00:00Z","id":"x","status":200,"error":"`), strings.Repeat("e", 1<<19)...), "\"}\n"...)
	for range 6 {
		g.requests.Add(long)
	}
	if a := g.do("GET", "/v1/requests?id=x", "", "Authorization", "Bearer "+clientKeyText); a.StatusCode < 500 || !strings.Contains(a.body, "--request-memory") {
		t.Errorf("an answer that finds no room: %d %.200s", a.StatusCode, a.body)
	}
	eventually(t, "nothing is held", func() bool { return g.budget.Taken() == 0 })
}
