package server

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"uniapi/server/budget"
	"uniapi/server/conn"
)

// However a request that is too large or too slow comes, it is counted and leaves a line that its id finds.
func TestRequestThatIsTurnedAwayIsCountedAndLeavesALine(t *testing.T) {
	t.Parallel()
	times := conn.UsualTimes
	times.Head = time.Second
	g := startWith(t, Options{MaxBody: 1 << 10, readTimes: &times}, providerOf("p", listen(t, both)))
	const post = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"
	const key = "Authorization: Bearer " + clientKeyText + "\r\n"
	filler := strings.Repeat("x", 1<<20)
	bomb := compressed(t, "gzip", filler)
	large := fmt.Sprintf("Content-Length: %d\r\n\r\n", len(filler))
	type place struct {
		endpoint string
		status   int
	}
	counted := map[place]float64{}
	for _, c := range []struct {
		name, text string
		status     int
		key        bool // whose it is is told by its alias
		message    string
		endpoint   string
	}{
		{"plain", post + key + large + filler, 413, true, "request", chatLabel},
		{"announced", post + key + large, 413, true, "request", chatLabel},
		{"announced with its beginning", post + key + large + "{", 413, true, "request", chatLabel},
		{"announced, by an id of the client's own", post + key + "X-Request-Id: mine\r\n" + large, 413, true, "request", chatLabel},
		{"announced behind an empty line", "\r\n" + post + key + large, 413, true, "request", chatLabel},
		{"announced in pieces", post + key + large, 413, true, "request", chatLabel},
		{"in chunks", post + key + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(filler), filler), 413, true, "request", chatLabel},
		{"compressed", post + key + "Content-Encoding: gzip\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(bomb)) + bomb, 413, true, "request", chatLabel},
		{"compressed and large", post + key + "Content-Encoding: gzip\r\n" + large, 413, true, "request", chatLabel},
		{"that asks first", post + key + "Expect: 100-continue\r\n" + large, 413, true, "request", chatLabel},
		{"that asks first without a key", post + "Expect: 100-continue\r\n" + large, 401, false, "request", chatLabel},
		{"announced without a key", post + large, 413, false, "request", chatLabel},
		{"of another format", "POST /v1beta/models/m:generateContent HTTP/1.1\r\nHost: gateway\r\n" + key + large, 413, true, "request", "POST /v1beta/models:generateContent"},
		{"elsewhere", "POST /nowhere HTTP/1.1\r\nHost: gateway\r\n" + key + large, 413, true, "request", ""},
		{"a head that does not end", post + key, 408, false, "request", ""},
		{"no HTTP", "hello there\r\n\r\n", 400, false, "bad request", ""},
		{"a long header", post + "X-Long: " + filler, 431, false, "bad request", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := g.dial()
			begin := 0
			if c.name == "announced in pieces" {
				begin = len(c.text) / 2
				client.send(c.text[:begin])
				eventually(t, "it waits for the rest", func() bool {
					return slices.ContainsFunc(g.conns.All(), func(c *conn.Conn) bool { return c.Still() < 0 })
				})
			}
			client.send(c.text[begin:])
			resp := client.head()
			if resp.StatusCode != c.status {
				t.Fatalf("%d", resp.StatusCode)
			}
			if strings.Contains(c.text, "v1beta") {
				if text, _ := io.ReadAll(resp.Body); !strings.Contains(string(text), `"status":`) {
					t.Errorf("not in the client's envelope: %s", text)
				}
			}
			line := g.log.Next(t, c.message)
			if id := resp.Header.Get("X-Request-Id"); id == "" || line["id"] != id || line["status"] != float64(c.status) || line["error"] == "" {
				t.Errorf("id %q: %v", id, line)
			}
			if line["key"] != nil != c.key || line["client"] != nil == c.key {
				t.Errorf("whose it is: %v", line)
			}
			if strings.Contains(fmt.Sprint(line), clientKeyText) {
				t.Errorf("the key is in %v", line)
			}
			client.Close()
			counted[place{c.endpoint, c.status}]++
		})
	}
	m := g.scrape()
	sum := 0.0
	for at, n := range counted {
		if at.endpoint == "" {
			continue
		}
		sum += n
		if got := m.Total("uniapi_requests_total", "provider", "", "model", "", "endpoint", at.endpoint, "status", fmt.Sprint(at.status)); got != n {
			t.Errorf("%v is counted %v times, not %v", at, got, n)
		}
	}
	if got := m.Total("uniapi_requests_total"); got != sum {
		t.Errorf("%v requests are counted, not %v", got, sum)
	}
}

// Who reads that there is no room knows of what, and which flag makes more.
func TestRefusalForWantOfRoomNamesItsFlag(t *testing.T) {
	goOn := make(chan bool)
	up := listen(t, pausing(goOn))
	g := startWith(t, Options{MaxInFlight: 1, RequestMemory: 2 << 20}, providerOf("p", up))
	stream := g.dial()
	stream.post(streamRequest)
	stream.head()
	if told := g.chat(plainRequest).failure(t, http.StatusServiceUnavailable, "overloaded"); !strings.Contains(told, "--max-in-flight") {
		t.Errorf("of places: %s", told)
	}
	if n := g.scrape().Total("uniapi_requests_total", "endpoint", chatLabel, "status", "503"); n != 1 {
		t.Errorf("it is counted %v times", n)
	}
	close(goOn)
	eventually(t, "the stream ends", func() bool { return g.inFlight.Load() == 0 })
	var other budget.Holding
	other.Begin(g.budget, new(budget.Share))
	if err := other.Hold(budget.Body, int(g.budget.Limit()/2)); err != nil {
		t.Fatal(err)
	}
	if told := g.chat(bigRequest(1_000_000)).failure(t, http.StatusServiceUnavailable, "overloaded"); !strings.Contains(told, "--request-memory") || strings.Contains(told, "--max-in-flight") {
		t.Errorf("of memory: %s", told)
	}
	other.End()
}

// What can never fit is no want of room: the alert on that must not fire, and the log says which flag would help.
func TestRequestThatCanNeverFitIsNoWantOfRoom(t *testing.T) {
	g := startWith(t, Options{RequestMemory: 2 << 20}, providerOf("p", listen(t, both)))
	const size = 2_000_000
	body := bigRequest(size)
	for _, small := range []bool{false, true} {
		header := []string{}
		if small {
			body, header = compressed(t, "gzip", body), []string{"Content-Encoding", "gzip"}
		}
		told := g.chat(body, header...).failure(t, http.StatusRequestEntityTooLarge, "request_too_large")
		var needs, most int
		if _, err := fmt.Sscanf(told, "The request takes at least %d bytes of memory with all that belongs to it, and this gateway may hold %d", &needs, &most); err != nil || needs < size || needs <= most {
			t.Errorf("compressed %v: %s", small, told)
		}
	}
	if n := g.scrape().Total("uniapi_requests_refused_total"); n != 0 {
		t.Errorf("refused for want of room: %v", n)
	}
	if n := g.log.Count("requests hold as much memory as they may"); n != 0 {
		t.Errorf("the log tells %d times of want of room", n)
	}
	if line := g.log.String(); g.log.Count(neverFits) != 1 || !strings.Contains(line, "--request-memory") {
		t.Errorf("the log:\n%s", line)
	}
}
