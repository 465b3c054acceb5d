package server

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/server/relay"
	"uniapi/server/requestlog"
)

// keepsIn is a gateway that keeps requests in a folder of the test's.
func keepsIn(t testing.TB, folder string, providers ...string) *gateway {
	t.Helper()
	return keepsLevel(t, folder, "request_log: metadata", providers...)
}

func keepsLevel(t testing.TB, folder, preferences string, providers ...string) *gateway {
	t.Helper()
	return startWith(t, Options{Requests: folder}, append(providers, "preferences: {"+preferences+"}")...)
}

// keptIn reads the requests that are kept, the newest first, once there are as many. A
// request is kept behind its line of the log, and that behind its answer.
func keptIn(t *testing.T, g *gateway, folder string, many int) (page requestlog.Page) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d requests are kept", many), func() bool {
		g.requests.Flush()
		var err error
		if page, err = requestlog.Search(context.Background(), folder, requestlog.Query{Bodies: true}); err != nil || len(page.Found) > many {
			t.Fatal(page, err)
		}
		return len(page.Found) == many
	})
	return page
}

func TestKeptRequestsTellHowStreamsEnded(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "requests")
	up := listen(t, func(p *peer, r seen) bool {
		switch n := len(p.up.requests()); n {
		case 1:
			p.say(streamHead + chunk(event("a")) + chunk(event("b")) + chunk("data: [DONE]\n\n") + "0\r\n\r\n")
			return true
		default:
			p.say(streamHead + chunk(event("a"))) // and breaks off
			return false
		}
	})
	g := keepsIn(t, folder, providerOf("p", up))
	for i := range 2 {
		c := g.dial()
		c.post(streamRequest, "X-Request-Id", fmt.Sprint("r", i))
		io.ReadAll(c.head().Body) // the second one breaks off
		g.log.Next(t, "request")
	}
	page := keptIn(t, g, folder, 2)
	broke, whole := page.Found[0].Entry, page.Found[1].Entry
	if whole.ID != "r0" || whole.Status != 200 || whole.Pieces == 0 || len(whole.Flow) == 0 || whole.Flow[len(whole.Flow)-1][1] != whole.Bytes || whole.FirstByteMS <= 0 {
		t.Errorf("%+v", whole)
	}
	if broke.Status < 500 || broke.Error == "" || len(broke.Attempts) != 1 || broke.Pieces == 0 {
		t.Errorf("%+v", broke)
	}
}

// What request_log: metadata adds to a request, but for the disk: there is none.
func BenchmarkKeptRequest(b *testing.B) {
	folder := filepath.Join(b.TempDir(), "requests")
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	g := keepsIn(b, folder, providerOf("p", listen(b, both)))
	for _, c := range []struct {
		name   string
		pieces int
	}{{"plain", 0}, {"stream of 50", 50}} {
		b.Run(c.name, func(b *testing.B) {
			x := &exchange{inbound: inbound{origin: origin{server: g.Server, ctx: new(fasthttp.RequestCtx)}}}
			x.at, x.start, x.began = &x.lone, time.Now(), time.Now()
			x.id = []byte("0b3d254da9e0-3")
			r := record{id: x.id, status: 200, end: x.start, took: time.Second, ttft: time.Millisecond, key: g.snapshot.Load().keys.find(requestWith(clientKeyText)),
				endpoint: "POST /v1/chat/completions", model: "gpt-5.2", attempts: 1, provider: "openai", upstream: "gpt-5.2-2026-01-01",
				tries:  []trial{{provider: "openai", upstream: "gpt-5.2-2026-01-01", status: 200, took: time.Millisecond}},
				charge: charge{cost: 12345, usage: codec.Usage{Prompt: 1000, Completion: 50}}}
			b.ReportAllocs()
			for b.Loop() {
				if c.pieces > 0 {
					x.delivery.Pace = relay.NewPace()
					for range c.pieces {
						x.delivery.Pace.Wrote(100, time.Since(x.start))
					}
				}
				x.keepRequest(&r, netip.AddrFrom4([4]byte{192, 0, 2, 7}))
				if x.delivery.Pace != nil {
					x.delivery.Pace.End()
				}
			}
		})
	}
}

// requestWith is a request that carries a key.
func requestWith(key string) *fasthttp.RequestCtx {
	ctx := new(fasthttp.RequestCtx)
	ctx.Request.Header.Set(fasthttp.HeaderAuthorization, "Bearer "+key)
	return ctx
}

// What was changed on a request's way, though nothing was left out, is to be seen where it is kept.
func TestKeptRequestTellsWhatWasChangedInIt(t *testing.T) {
	up := listen(t, both)
	folder := t.TempDir()
	g := keepsIn(t, folder, providerOf("p", up))
	swapped := `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"}]},{"role":"user","content":"b"}]}`
	if a := g.do("POST", "/v1/messages", swapped, asClient...); a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body)
	}
	g.log.Next(t, "request")
	if a := g.do("POST", "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}]}`, asClient...); a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body)
	}
	g.log.Next(t, "request")
	page := keptIn(t, g, folder, 2)
	for i, want := range []string{"[]", "[messages (3 became 2)]"} { // the newest is first
		if got := fmt.Sprint(page.Found[i].Attempts[0].Changed); got != want {
			t.Errorf("changed is %s, not %s: %+v", got, want, page.Found[i].Entry)
		}
	}
}
