package server

import (
	"fmt"
	"strings"
	"testing"
)

// What one client key has under way leaves places for others, in whatever way its
// requests take their time, and for what an admin does about it.
func TestOneKeysRequestsInFlightLeavePlacesForOthers(t *testing.T) {
	const places = 12
	goOn := make(chan bool)
	keys := "api_keys:\n"
	for _, role := range []string{"alice", "bob", "carol", "admin"} {
		keys += fmt.Sprintf("  - {api: sk-%s-0123456789abcdef, role: %[1]s, model: [all]}\n", role)
	}
	g := startWith(t, Options{MaxInFlight: places}, providerOf("p", listen(t, waiting(goOn))), keys)
	// flood begins as many streams of a key as it may have.
	flood := func(role string) (n int) {
		for {
			c := g.dial()
			c.send(strings.Replace(chatText(streamRequest), clientKeyText, "sk-"+role+"-0123456789abcdef", 1))
			a := c.head()
			if a.StatusCode == 200 {
				n++
				continue
			}
			if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %d, Retry-After %q", role, a.StatusCode, a.Header.Get("Retry-After"))
			}
			return n
		}
	}
	if n := flood("alice"); n < places/2 || n > places*3/4 {
		t.Errorf("alice alone has %d of %d places", n, places)
	}
	if text := g.log.String(); strings.Count(text, "as many requests of one client key are in flight as may be") != 1 {
		t.Errorf("logged:\n%s", text)
	}
	if a := g.as("bob", plainRequest); a.StatusCode != 200 {
		t.Errorf("bob gets %d %s", a.StatusCode, a.body)
	}
	if n := flood("bob"); n < 1 {
		t.Error("bob has no place")
	}
	for left := g.inFlight.Load(); left < places; left = g.inFlight.Load() {
		if n := flood("carol") + flood("admin"); n == 0 {
			break
		}
	}
	if !g.inFlight.Full() {
		t.Fatalf("%d are in flight", g.inFlight.Load())
	}
	for _, route := range g.Server.admin.Routes() {
		path := route.Path
		if route.Method != "POST" {
			continue
		}
		for _, base := range []string{path, "/v1" + path} {
			a := g.do("POST", base, "{}", "Authorization", "Bearer sk-admin-0123456789abcdef")
			if a.StatusCode == 503 || strings.Contains(a.body, "There is no") {
				t.Errorf("POST %s while all places are taken: %d %s", base, a.StatusCode, a.body)
			}
			if a := g.do("POST", base, "{}", "Authorization", "Bearer sk-alice-0123456789abcdef"); a.StatusCode != 403 {
				t.Errorf("POST %s by alice: %d %s", base, a.StatusCode, a.body)
			}
		}
	}
	close(goOn)
	eventually(t, "nothing is in flight", func() bool { return g.inFlight.Load() == 0 })
	if a := g.as("alice", plainRequest); a.StatusCode != 200 {
		t.Errorf("afterwards alice gets %d %s", a.StatusCode, a.body)
	}
}

// Whoever is refused has not sent a body.
func TestKeyBeyondItsPartIsRefusedBeforeItsBody(t *testing.T) {
	goOn := make(chan bool)
	defer close(goOn)
	g := startWith(t, Options{MaxInFlight: 3}, providerOf("p", listen(t, waiting(goOn))),
		"api_keys:\n  - {api: "+clientKeyText+", role: alice, model: [all]}\n  - {api: sk-bob-0123456789abcdef, role: bob, model: [all]}\n")
	for range 2 {
		c := g.dial()
		c.post(streamRequest)
		if a := c.head(); a.StatusCode != 200 {
			t.Fatalf("%d", a.StatusCode)
		}
	}
	c := g.dial()
	c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + clientKeyText + "\r\nContent-Length: 1000000\r\n\r\n{" + strings.Repeat(" ", 1<<16))
	a := c.answer()
	if a.failure(t, 503, "overloaded"); !strings.Contains(a.body, "This key") {
		t.Errorf("it is told %s", a.body)
	}
}
