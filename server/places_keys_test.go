package server

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

const twoKeys = "api_keys:\n  - {api: " + clientKeyText + ", role: tester-admin}\n  - {api: " + otherKeyText + ", role: other}\n"

// listText asks for the models with a key.
func listText(key string) string {
	return "GET /v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + key + "\r\n\r\n"
}

// comes connects and shows a key, and goes on doing nothing.
func (g *gateway) comes(key string) *client {
	g.t.Helper()
	c := g.dial()
	c.send(listText(key))
	if a := c.answer(); a.StatusCode != 200 {
		g.t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return c
}

// idle waits until so many connections wait for their clients' requests: a client
// has its answer a moment earlier.
func (g *gateway) idle(count int) {
	g.t.Helper()
	eventually(g.t, "all are idle", func() bool {
		n := 0
		for _, c := range g.conns.All() {
			if c.Still() > 0 {
				n++
			}
		}
		return n == count
	})
}

// connectionsOf counts those of each key.
func (g *gateway) connectionsOf(keys ...string) (counts []int) {
	for _, text := range keys {
		key, n := g.snapshot.Load().keys, 0
		for _, k := range key {
			for _, c := range g.conns.All() {
				if k.Key == text && c.Owner() == k.share {
					n++
				}
			}
		}
		counts = append(counts, n)
	}
	return counts
}

// One key's idle connections do not keep out another's: of whoever has the most, the
// one goes that has been idle for longest.
func TestIdleConnectionsOfAKeyMakeRoomForOthers(t *testing.T) {
	const most = 12
	g := startWith(t, Options{MaxConnections: most, readTimes: &ungraceful}, providerOf("p", listen(t, both)), twoKeys)
	var greedy []*client
	for n := range most {
		greedy = append(greedy, g.comes(clientKeyText))
		g.idle(n + 1)
	}
	greedy[0].send(listText(clientKeyText)) // which makes it the one that has been idle for least
	greedy[0].answer()
	g.idle(most)
	for range most / 2 {
		g.comes(otherKeyText)
		g.idle(most)
	}
	for i, c := range greedy[1 : 1+most/2] {
		if rest := c.rest(); rest != "" {
			t.Errorf("connection %d got %q", i+1, rest)
		}
	}
	if n := g.connectionsOf(clientKeyText, otherKeyText); !slices.Equal(n, []int{most / 2, most / 2}) {
		t.Errorf("%d connections of each", n)
	}
	for range 2 * most { // whoever wants still more takes it of its own
		g.comes(clientKeyText)
		g.idle(most)
	}
	if n := g.connectionsOf(clientKeyText, otherKeyText); n[1] < most/2-1 || n[0]+n[1] != most {
		t.Errorf("%d connections of each", n)
	}
	if n := g.conns.Count().IdleSent; n != int64(most/2+2*most) {
		t.Errorf("%d made room", n)
	}
	const told = "connections are closed to make room for others"
	if line := g.log.Next(t, told); line["owner"] != "key" || line["limit"] != float64(most) || line["closed"] != 1.0 {
		t.Errorf("the log: %v", line)
	}
	if n, all := g.log.Count(told), g.sentAway.total.Load(); n > 3 || all != int64(most/2+2*most) {
		t.Errorf("it is told %d times of %d", n, all)
	}
	if n := g.unconnected.total.Load(); n != 0 {
		t.Errorf("%d were refused", n)
	}
}

// Nothing that is under way makes room: neither an answer, nor a request that has
// begun to come.
func TestNoConnectionMakesRoomWithinARequest(t *testing.T) {
	goOn := make(chan bool)
	g := startWith(t, Options{MaxConnections: 4, readTimes: &ungraceful}, providerOf("p", listen(t, waiting(goOn))), twoKeys)
	streaming := g.dial()
	streaming.post(streamRequest)
	body := streaming.head().Body
	sending, text := g.dial(), chatText(bigRequest(100_000))
	sending.send(text[:50_000])
	beginning := g.comes(clientKeyText)
	beginning.send(text[:20])
	idle := g.comes(clientKeyText)
	eventually(t, "all are known", func() bool { return g.conns.Count().Strangers == 0 })
	g.idle(1)
	last := g.dial()
	last.send(strings.Replace(chatText(streamRequest), clientKeyText, otherKeyText, 1))
	lastBody := last.head().Body
	if rest := idle.rest(); rest != "" {
		t.Errorf("the idle one got %q", rest)
	}
	g.dial().answer().failure(t, 503, "too_many_connections")
	close(goOn)
	for _, b := range []io.ReadCloser{body, lastBody} {
		io.Copy(io.Discard, b)
	}
	eventually(t, "both streams have given their places back", func() bool { return g.inFlight.Load() == 0 })
	sending.send(text[50_000:])
	beginning.send(text[20:])
	for _, c := range []*client{sending, beginning} {
		if a := c.answer(); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
}

// A connection that many users' requests come over is the last one's.
func TestConnectionIsTheKeysThatWasShownLast(t *testing.T) {
	g := startWith(t, Options{}, providerOf("p", listen(t, both)), twoKeys)
	c := g.dial()
	for range 2 {
		g.Apply(g.snapshot.Load().config) // which changes nothing
		for i, key := range []string{clientKeyText, otherKeyText} {
			c.send(listText(key))
			c.answer()
			want := []int{0, 0}
			want[i] = 1
			if n := g.connectionsOf(clientKeyText, otherKeyText); !slices.Equal(n, want) {
				t.Errorf("%d connections of each, want %d", n, want)
			}
		}
	}
}

// A key cannot keep others out by asking for what it does not take.
func TestConnectionsOfAKeyThatTakesNothingMakeRoomForOthers(t *testing.T) {
	t.Parallel()
	const most = 8
	var models strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&models, "%s%d, ", strings.Repeat("m", 200), i)
	}
	g := startWith(t, Options{MaxConnections: most, readTimes: &ungraceful}, providerOf("p", listen(t, both), "    model: ["+models.String()+"m]\n"), twoKeys)
	var greedy []*client
	for range most {
		c := g.dial()
		c.send(strings.Repeat(listText(clientKeyText), 40))
		c.br.Peek(1)
		greedy = append(greedy, c)
	}
	stalled := func() (n int) {
		for _, c := range g.conns.All() {
			if state := c.Still(); state < 0 && time.Now().UnixNano()+state > int64(time.Second) {
				n++
			}
		}
		return n
	}
	eventually(t, "all stand still", func() bool { return stalled() == most })
	greedy[0].SetReadDeadline(time.Now().Add(patience)) // who drips takes nothing either
	greedy[0].br.Discard(64)
	for range 2 {
		c := g.dial()
		c.send(strings.Replace(chatText(plainRequest), clientKeyText, otherKeyText, 1))
		if a := c.answer(); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	if counts := g.connectionsOf(clientKeyText, otherKeyText); counts[0] > most-2 || counts[0] < most/2-1 {
		t.Errorf("the keys have %v", counts)
	}
}

// TestKeySendsItsPartOfTheBodiesOnly has a key that begins to send as many requests as there are connections, each
// slowly: another one is served.
func TestKeySendsItsPartOfTheBodiesOnly(t *testing.T) {
	const most = 16 // of which 12 may be sending, 8 of them one key's
	g := startWith(t, Options{MaxConnections: most, readTimes: &ungraceful}, providerOf("p", listen(t, both)), twoKeys)
	body := strings.Replace(plainRequest, "hi", strings.Repeat("long ", 4000), 1)
	head := func(key string) string {
		return fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", key, len(body))
	}
	var slow []*client
	for n := range 8 {
		c := g.dial()
		c.send(head(clientKeyText) + body[:prefetched+1])
		slow = append(slow, c)
		eventually(t, "it is being received", func() bool { return g.sending.Load() == int64(n+1) })
	}
	for range 3 {
		c := g.dial()
		c.send(head(clientKeyText) + body[:prefetched+1])
		if a := c.answer(); a.StatusCode != 503 || !strings.Contains(a.body, "--max-connections") || a.Header.Get("Retry-After") == "" || !a.Close {
			t.Errorf("one too many: %d %s", a.StatusCode, a.body)
		}
		c.Close()
	}
	c := g.dial()
	c.send(head(otherKeyText) + body)
	if a := c.answer(); a.StatusCode != 200 {
		t.Errorf("another key: %d %s", a.StatusCode, a.body)
	}
	for _, c := range slow { // nothing has happened to those that were let in
		c.send(body[prefetched+1:])
		if a := c.answer(); a.StatusCode != 200 {
			t.Errorf("a slow one: %d %s", a.StatusCode, a.body)
		}
	}
	eventually(t, "all have been received", func() bool { return g.sending.Load() == 0 })
}
