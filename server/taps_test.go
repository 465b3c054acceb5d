package server

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"uniapi/server/capture"
)

// exchangesIn is all that was said in the requests that a gateway has kept, which are so many, by their ids.
func exchangesIn(t *testing.T, g *gateway, folder string, many int) map[string]*capture.Exchange {
	t.Helper()
	page := keptIn(t, g, folder, many)
	all := map[string]*capture.Exchange{}
	for i := range page.Found {
		e := new(capture.Exchange)
		if text := page.Found[i].Exchange(); text != nil && json.Unmarshal(text, e) != nil {
			t.Fatalf("%s: %s", page.Found[i].ID, text)
		}
		all[page.Found[i].ID] = e
	}
	return all
}

func bodyOf(t *testing.T, m *capture.Message) string {
	t.Helper()
	if m == nil {
		return ""
	}
	body, err := m.Body()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestWhatIsKeptOfAStreamIsWhatTheClientGot(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "requests")
	up := listen(t, func(p *peer, r seen) bool {
		p.say(streamHead + chunk(event("a")))
		p.say(chunk(event("b")))
		if len(p.up.requests()) > 1 {
			return false // it breaks off
		}
		p.say(chunk("data: [DONE]\n\n") + "0\r\n\r\n")
		return true
	})
	g := keepsLevel(t, folder, "request_log: bodies", providerOf("p", up))
	got := map[string]string{}
	for _, id := range []string{"whole", "broken"} {
		c := g.dial()
		c.post(streamRequest, "X-Request-Id", id)
		body, _ := io.ReadAll(c.head().Body)
		got[id] = string(body)
		g.log.Next(t, "request")
	}
	for id, e := range exchangesIn(t, g, folder, 2) {
		if said := bodyOf(t, e.Client.Answer); said != got[id] || said == "" {
			t.Errorf("%s: kept is %q, the client got %q", id, said, got[id])
		}
		if bodyOf(t, e.Client.Request) != streamRequest || len(e.Attempts) != 1 || !strings.HasPrefix(bodyOf(t, e.Attempts[0].Answer), event("a")) {
			t.Errorf("%s: kept is %+v", id, e)
		}
	}
	eventually(t, "all is given back", func() bool { return g.budget.Taken() == 0 }) // behind the line of the log
}

func TestAttemptsBesideEachOtherAreAllKept(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "requests")
	slow, fast := listen(t, func(*peer, seen) bool { <-t.Context().Done(); return false }), listen(t, both)
	g := keepsLevel(t, folder, "request_log: bodies, "+hedgeAtOnce, providerOf("slow", slow), providerOf("fast", fast))
	for i, request := range []string{plainRequest, streamRequest} {
		c := g.dial()
		c.post(request, "X-Request-Id", fmt.Sprint(i))
		io.ReadAll(c.head().Body)
		g.log.Next(t, "request")
	}
	all := exchangesIn(t, g, folder, 2)
	for id, e := range all {
		answers := 0
		for _, a := range e.Attempts {
			if bodyOf(t, a.Request) == "" {
				t.Errorf("%s: %s was asked nothing", id, a.Provider)
			}
			if bodyOf(t, a.Answer) != "" {
				answers++
			}
		}
		if answers != 1 || bodyOf(t, e.Client.Answer) == "" {
			t.Errorf("%s: %d attempts have answered: %+v", id, answers, e)
		}
	}
}

func TestNothingIsCollectedWhereBodiesAreNotKept(t *testing.T) {
	for level, many := range map[string]int{"request_log: off": 0, "request_log: metadata": 1} {
		folder := filepath.Join(t.TempDir(), "requests")
		g := keepsLevel(t, folder, level, providerOf("p", listen(t, both)))
		if g.snapshot.Load().keepsBodies {
			t.Errorf("%s collects", level)
		}
		c := g.dial()
		c.post(plainRequest)
		c.head()
		g.log.Next(t, "request")
		for _, e := range exchangesIn(t, g, folder, many) {
			if e.Client.Request != nil {
				t.Errorf("%s keeps %+v", level, e)
			}
		}
	}
}
