package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// brokenStream begins a stream, waits for the client to have its first event,
// and breaks it.
func brokenStream(got <-chan bool, breakOff func(*peer)) script {
	return func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		<-got
		breakOff(p)
		return false
	}
}

func TestStreamThatDiesTellsItsClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		breakOff func(*peer)
		status   float64
		before   string // what the client gets before the error
		word     string
	}{
		{"the connection ends", func(*peer) {}, 502, "", "connection"},
		{"the connection is reset", (*peer).reset, 502, "", "connection"},
		{"the connection ends within an event", func(p *peer) { p.say(chunk("data: {\"choices\":[{\"ind")) }, 502, "", "connection"},
		{"the stream ends without a finish reason", func(p *peer) { p.say(chunk(event(" two")) + chunk("")) }, 502, event(" two"), "ended before"},
		{"an error event", func(p *peer) {
			p.say(chunk(`data: {"error":{"message":"no money left for `+upstreamKeyText+`"}}`+"\n\n") + chunk(""))
		}, 502, "", "no money left for sk-…"},
		{"an error of the name error", func(p *peer) { p.say(chunk("event: error\ndata: {\"message\":\"broken\"}\n\n") + chunk("")) }, 502, "", "broken"},
		{"a page", func(p *peer) { p.say(chunk("<html><title>Gateway Time-out</title></html>\n\n") + chunk("")) }, 502, "", "Gateway Time-out"},
		{"an event that is not JSON, which is left out, and no end", func(p *peer) { p.say(chunk("data: {\"choices\":[{]}\n\n") + chunk("")) }, 502, "", "ended before its answer was complete"},
		{"a broken chunk", func(p *peer) { p.say("zz\r\n") }, 502, "", "connection"},
		{"silence", func(p *peer) { p.gone() }, 504, "", "timed out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan bool, 1)
			other := listen(t, both)
			times := ""
			if c.status == 504 { // of which a busy machine takes a part until the stream has begun
				times = "    preferences:\n      model_timeout: 1\n"
			}
			g := start(t, providerOf("p", listen(t, brokenStream(got, c.breakOff)), times), providerOf("q", other))
			client := g.dial()
			client.send(chatText(streamRequest) + chatText(plainRequest)) // the second must not be answered on this connection
			resp := client.head()
			first := make([]byte, len(event("one")))
			if _, err := io.ReadFull(resp.Body, first); err != nil || resp.StatusCode != 200 {
				t.Fatalf("status %d, %v", resp.StatusCode, err)
			}
			got <- true
			rest, err := io.ReadAll(resp.Body)
			if err == nil {
				t.Error("the body ended as if it were whole")
			}
			text, told := strings.CutPrefix(string(rest), c.before+`data: {"error":{"message":`)
			if !told || !strings.Contains(text, c.word) || !strings.HasSuffix(text, "}}\n\n") || strings.Contains(text, "[DONE]") || strings.Contains(text, "finish_reason") {
				t.Errorf("the client got %q", rest)
			}
			if _, err := client.br.ReadByte(); err != io.EOF {
				t.Errorf("the connection goes on: %v", err)
			}
			line := g.log.Next(t, "request")
			if line["status"] != c.status || line["attempts"] != 1.0 || line["provider"] != "p" || !strings.Contains(fmt.Sprint(line["error"]), c.word) {
				t.Errorf("logged as %v", line)
			}
			if len(other.requests()) != 0 || g.log.Count("request") != 1 {
				t.Errorf("something else was asked:\n%s", g.log)
			}
			noSecrets(t, string(rest), g.log.String())
		})
	}
}

func TestStreamThatIsWholeIsPassedOnAsItIs(t *testing.T) {
	t.Parallel()
	usage := strings.Replace(streamRequest, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1)
	crlf := strings.ReplaceAll(event("one")+stopEvent+doneEvent, "\n", "\r\n")
	for _, c := range []struct{ name, request, upstream, want string }{
		{"usage that was not asked for is left out", streamRequest, event("one") + stopEvent + usageEvent + doneEvent, event("one") + stopEvent + doneEvent},
		{"usage that was asked for stays", usage, event("one") + stopEvent + usageEvent + doneEvent, event("one") + stopEvent + usageEvent + doneEvent},
		{"[DONE] that is missing", streamRequest, event("one") + stopEvent, event("one") + stopEvent + doneEvent},
		{"CRLF", streamRequest, crlf, crlf},
		{"comments before the first event are left out", streamRequest, ": one\n\n: two\n\n" + event("one") + stopEvent + doneEvent, event("one") + stopEvent + doneEvent},
		{"an event of megabytes", streamRequest, event(strings.Repeat("x", 3<<20)) + stopEvent + doneEvent, event(strings.Repeat("x", 3<<20)) + stopEvent + doneEvent},
	} {
		for _, size := range []int{1 << 20, 100} {
			if len(c.upstream) > 1<<20 && size == 100 {
				size = 1 << 14
			}
			t.Run(fmt.Sprintf("%s in chunks of %d", c.name, size), func(t *testing.T) {
				t.Parallel()
				up := listen(t, func(p *peer, _ seen) bool {
					p.say(streamHead)
					for rest := c.upstream; rest != ""; {
						n := min(size, len(rest))
						p.say(chunk(rest[:n]))
						rest = rest[n:]
					}
					p.say(chunk(""))
					return true
				})
				g := start(t, providerOf("p", up))
				a := g.chat(c.request)
				if a.body != c.want {
					t.Errorf("got %.300q, want %.300q", a.body, c.want)
				}
				h := a.Header
				if h.Get("Content-Type") != "text/event-stream; charset=utf-8" || h.Get("Cache-Control") != "no-cache" || h.Get("X-Accel-Buffering") != "no" {
					t.Errorf("header %v", h)
				}
			})
		}
	}
}

func TestEventsAreNotHeldBack(t *testing.T) {
	next := make(chan bool)
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead)
		for i := range 5 {
			p.say(chunk(event(fmt.Sprint(i))))
			<-next
		}
		p.say(chunk(stopEvent+doneEvent) + chunk(""))
		return true
	})
	g := start(t, providerOf("p", up))
	c := g.dial()
	c.post(streamRequest)
	body := c.head().Body
	for i := range 5 {
		got := make([]byte, len(event("0")))
		if _, err := io.ReadFull(body, got); err != nil || string(got) != event(fmt.Sprint(i)) {
			t.Fatalf("%q, %v", got, err)
		}
		next <- true // only then the upstream goes on
	}
	if rest, err := io.ReadAll(body); err != nil || string(rest) != stopEvent+doneEvent {
		t.Errorf("%q, %v", rest, err)
	}
}

// An upstream that says [DONE] and keeps its connection open has said all: a
// client that reads to the end must not wait for its time-out, which the test would not see the end of.
func TestStreamEndsWithItsLastEvent(t *testing.T) {
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")) + chunk(stopEvent+doneEvent))
		p.gone()
		return false
	})
	g := start(t, providerOf("p", up, "    preferences:\n      model_timeout: 3600\n"))
	if a := g.chat(streamRequest); a.body != event("one")+stopEvent+doneEvent {
		t.Errorf("got %q", a.body)
	}
	if line := g.log.Next(t, "request"); line["status"] != 200.0 {
		t.Errorf("logged as %v", line)
	}
}

// An upstream that does not heed `stream` has answered all the same: the client
// gets the answer in the form it asked for.
func TestAnswerOfTheOtherKindIsTurnedIntoTheOneAskedFor(t *testing.T) {
	for _, c := range []struct{ name, request, answer, kind, word string }{
		{"a plain answer to a streamed request", streamRequest, plainOK, "text/event-stream", "data: [DONE]"},
		{"a stream to a plain request", plainRequest, streamOK, "application/json", `"content":"one two"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, providerOf("p", listen(t, says(c.answer))), once)
			a := g.chat(c.request)
			if a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), c.kind) || !strings.Contains(a.body, c.word) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}

func TestConnectionServesOnAfterAFailedRequest(t *testing.T) {
	up := listen(t, func(p *peer, r seen) bool {
		if wantsStream(r) {
			p.say(streamHead + chunk("")) // no event: a failure that the client gets as a plain error
		} else {
			p.say(plainOK)
		}
		return true
	})
	g := start(t, providerOf("p", up), once)
	c := g.dial()
	for range 3 {
		c.post(streamRequest)
		c.answer().failure(t, 502, "")
		c.post(plainRequest)
		if a := c.answer(); a.StatusCode != 200 || a.body != plainBodyOf("hello") {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	}
}

// keeper is a body that looks at its request's bytes while it is written.
type keeper struct {
	request []byte
	want    string
	looked  chan<- bool
}

func (k *keeper) Read([]byte) (int, error)  { return 0, io.ErrUnexpectedEOF }
func (k *keeper) SupportsBodyWriteTo() bool { return true }

func (k *keeper) WriteTo(w io.Writer) (int64, error) {
	for range 3 {
		k.looked <- string(k.request) == k.want
		w.Write([]byte("event"))
	}
	return 0, nil
}

func (k *keeper) Close() error {
	k.looked <- string(k.request) == k.want
	return nil
}

// The relay uses the client's bytes in place until a stream has been written.
// That fasthttp lets it is nowhere promised: this pins it.
func TestFasthttpKeepsARequestUntilItsAnswerIsWritten(t *testing.T) {
	const requests = 20
	looked := make(chan bool, 4*requests)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{CloseOnShutdown: true, Handler: func(ctx *fasthttp.RequestCtx) {
		body := ctx.Request.Body()
		ctx.Response.SetBodyStream(&keeper{body, string(bytes.Clone(body)), looked}, -1)
	}}
	go server.Serve(ln)
	defer server.Shutdown()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range requests { // sent before the first is answered, so that the buffer's next content is there
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n%s", strings.Repeat(string(rune('a'+i)), 1000))
	}
	for range 4 * requests {
		if !receive(t, looked, "the writing of an answer") {
			t.Fatal("the request's bytes changed before its answer was written")
		}
	}
}

// The same of the whole gateway: the log, written last, still finds the model's
// name in the client's bytes.
func TestStreamsBooksNameItsOwnModel(t *testing.T) {
	const models = "abcdefgh"
	g := start(t, providerOf("p", listen(t, both), "    model: [model-a, model-b, model-c, model-d, model-e, model-f, model-g, model-h]\n"))
	c := g.dial()
	var text strings.Builder
	for _, m := range models {
		text.WriteString(chatText(strings.Replace(streamRequest, `"m"`, fmt.Sprintf(`"model-%c"`, m), 1)))
	}
	c.send(text.String())
	for _, m := range models {
		if a := c.answer(); a.body != streamSeen {
			t.Errorf("%q", a.body)
		}
		if line := g.log.Next(t, "request"); line["model"] != fmt.Sprintf("model-%c", m) {
			t.Errorf("logged as %v", line)
		}
	}
}
