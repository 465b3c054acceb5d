package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/server/requestlog"
)

func TestAllowance(t *testing.T) {
	begin := time.Now()
	type ask struct {
		after  time.Duration
		many   int
		may    int
		missed int64 // told with the first one that may
	}
	for _, test := range []struct {
		name string
		of   ration
		asks []ask
	}{
		{"at once", ration{3, 1}, []ask{{0, 5, 3, 0}}},
		{"refilled", ration{3, 1}, []ask{{0, 5, 3, 0}, {time.Second, 2, 1, 2}, {3 * time.Second, 5, 2, 1}}},
		{"no more than at once", ration{3, 1}, []ask{{0, 3, 3, 0}, {time.Hour, 5, 3, 0}}},
		{"a clock behind", ration{2, 1}, []ask{{time.Second, 3, 2, 0}, {0, 1, 0, 0}, {time.Second, 1, 0, 0}, {2 * time.Second, 1, 1, 3}}},
		{"less than one a second", ration{1, 0.01}, []ask{{0, 1, 1, 0}, {99 * time.Second, 1, 0, 0}, {100 * time.Second, 1, 1, 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var a allowance
			total := int64(0)
			for i, ask := range test.asks {
				may, told := 0, int64(0)
				for range ask.many {
					if missed, ok := a.take(begin.Add(ask.after), test.of); ok {
						may, told = may+1, told+missed
					}
				}
				total += int64(ask.many - may)
				if may != ask.may || told != ask.missed || a.unwritten() != total {
					t.Errorf("%d: %d of %d may, %d missed, %d in all; want %d, %d, %d", i, may, ask.many, told, a.unwritten(), ask.may, ask.missed, total)
				}
			}
		})
	}
}

// What is kept of strangers within the time for which requests are kept is a sixteenth of the disk, whatever that is.
func TestStrangersHaveASixteenthOfTheRequestLog(t *testing.T) {
	for _, r := range []config.RequestLog{
		{Size: 1 << 20, Keep: time.Hour}, {Size: 1 << 20, Keep: 365 * 24 * time.Hour}, {Size: 1 << 30, Keep: 7 * 24 * time.Hour}, {Size: 1 << 33, Keep: time.Hour},
	} {
		var a allowance
		of, now, bytes := ofKept(r), time.Now(), int64(0)
		for range 1000 {
			for ok := true; ok; {
				if _, ok = a.take(now, of); ok {
					bytes += longestKept
				}
				if bytes > r.Size {
					t.Fatalf("%v: more than all", r)
				}
			}
			now = now.Add(r.Keep / 1000)
		}
		if share := float64(bytes) / float64(r.Size); share > 1.0/keptShare || share < 0.5/keptShare {
			t.Errorf("%v: strangers take %.4f of it", r, share)
		}
	}
}

// A flood of requests without a valid key pushes nobody's record out of the log of requests, and fills no log.
func TestFloodWithoutAKeyIsCountedNotWritten(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "requests")
	g := keepsLevel(t, folder, "request_log: {level: metadata, size: 1MiB}", providerOf("p", listen(t, both)))
	g.chat(plainRequest)
	const flood = 8000 // at 300 bytes a line more than is kept
	refused := 0
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stranger := "POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer sk-guess\r\nX-Request-Id: " + strings.Repeat(`"`, 128) + "\r\nContent-Length: 0\r\n\r\n"
	go io.WriteString(conn, strings.Repeat(stranger, flood))
	for from := bufio.NewReader(conn); ; {
		a, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, a.Body)
		if refused++; a.StatusCode != 401 {
			t.Fatal(a.Status)
		} else if refused == flood {
			break
		}
	}
	eventually(t, "the flood is counted", func() bool {
		return g.scrape().Total("uniapi_requests_total", "status", "401") == flood
	})
	g.requests.Flush()
	all, err := requestlog.Search(context.Background(), folder, requestlog.Query{Limit: 2 * flood})
	if err != nil {
		t.Fatal(err)
	}
	strangers, served := 0, 0
	for i := range all.Found {
		e := &all.Found[i]
		if e.Status == 200 {
			served++
		} else if strangers++; len(e.Line) > longestKept {
			t.Errorf("a stranger's line has %d bytes: %s", len(e.Line), e.Line)
		}
	}
	if served != 1 || strangers < 10 || strangers > 64 {
		t.Errorf("of %d requests that were served and %d others, %d and %d are kept", 1, flood, served, strangers)
	}
	m := g.scrape()
	for to, least := range map[string]float64{"request_log": float64(flood - strangers), "log": flood / 2} {
		if n := m.Total("uniapi_strangers_unwritten_total", "to", to); n < least || n > flood {
			t.Errorf("%v are counted as not written to the %s, not %v or more", n, to, least)
		}
	}
	if a := g.do("GET", "/v1/requests?status=200", "", asClient...); !strings.Contains(a.body, fmt.Sprintf(`"strangers":%d`, flood-strangers)) {
		t.Error(a.body)
	}
}

// Nor are there spans of them in the place of others, whatever they say of sampling.
func TestFloodWithoutAKeyHasFewSpans(t *testing.T) {
	g, c, end := traces(t, nil, providerOf("p", listen(t, both)))
	const flood = 400
	for range flood {
		g.do("POST", "/v1/chat/completions", plainRequest, "Traceparent", traceparent).failure(t, 401, "")
	}
	g.chat(plainRequest)
	eventually(t, "all are counted", func() bool { return g.scrape().Total("uniapi_requests_total") == flood+1 })
	end()
	strangers, served := 0, 0
	for _, s := range c.Await(t, 100) {
		switch s.Attributes["http.response.status_code"] {
		case int64(401):
			strangers++
		case int64(200):
			served++
		}
	}
	m := g.scrape()
	if unwritten := m.Total("uniapi_strangers_unwritten_total", "to", "traces"); served != 2 || strangers < 100 || strangers > flood/2 || int(unwritten) != flood-strangers {
		t.Errorf("%d spans of what was served, %d of %d strangers, and %v are counted", served, strangers, flood, unwritten)
	}
}
