package server

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"uniapi/server/conn"
)

func TestWhatIsNoRequestIsRefusedInTheEnvelope(t *testing.T) {
	g := startWith(t, Options{MaxBody: 1 << 10}, providerOf("p", listen(t, both)))
	const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nOrigin: https://chat.example\r\nAuthorization: Bearer " + clientKeyText + "\r\n"
	for _, c := range []struct {
		name, text string
		status     int
		code       string
	}{
		{"garbage", "hello there\r\n\r\n", 400, "bad_request"},
		{"an empty request line", " \r\n\r\n", 400, "bad_request"},
		{"TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n", 400, "bad_request"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"},
		{"a header without a colon", head + "no colon\r\n\r\n", 400, "bad_request"},
		{"a length that is no number", head + "Content-Length: many\r\n\r\n", 400, "bad_request"},
		{"a negative length", head + "Content-Length: -1\r\n\r\n", 400, "bad_request"},
		{"two lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "bad_request"},
		{"a broken chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400, "bad_request"},
		{"a length over the limit", head + "Content-Length: 1025\r\n\r\n", 413, "request_too_large"},
		{"chunks over the limit", head + "Transfer-Encoding: chunked\r\n\r\n500\r\n" + strings.Repeat(" ", 0x500) + "\r\n0\r\n\r\n", 413, "request_too_large"},
		{"a header over the limit", head + "X-Long: " + strings.Repeat("x", conn.MaxHead) + "\r\n\r\n", 431, "header_too_large"},
		{"a path over the limit", "GET /" + strings.Repeat("x", conn.MaxHead) + " HTTP/1.1\r\nHost: gateway\r\nOrigin: https://chat.example\r\n\r\n", 431, "header_too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := g.dial()
			client.send(c.text)
			a := client.answer()
			a.failure(t, c.status, c.code)
			if !a.Close || a.Header.Get("X-Request-Id") == "" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("close: %v, header %v", a.Close, a.Header)
			}
			if rest := client.rest(); rest != "" {
				t.Errorf("more came: %q", rest)
			}
		})
	}
}

// A client in the middle of sending what is refused must get to read why: a
// connection closed at once would be reset over the unread bytes.
func TestClientThatGoesOnSendingReadsItsRefusal(t *testing.T) {
	const size = 8 << 20
	g := startWith(t, Options{MaxBody: 1 << 10}, providerOf("p", listen(t, both)))
	const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"
	const key = "Authorization: Bearer " + clientKeyText + "\r\n"
	length, chunks := fmt.Sprintf("Content-Length: %d\r\n\r\n", size), fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size)
	for name, begin := range map[string]string{
		"by length":               head + key + length,
		"by chunks":               head + key + chunks,
		"by header":               head + "X-Long: ",
		"by 100 wait":             head + key + "Expect: 100-continue\r\n" + length,
		"by chunks without a key": head + chunks,
		"by wait without a key":   head + "Expect: 100-continue\r\n" + length,
	} {
		t.Run(name, func(t *testing.T) {
			c := g.dial()
			defer c.Close()
			c.send(begin)
			piece := strings.Repeat("x", 64<<10)
			for range size / len(piece) { // it reads only when it has sent all
				c.send(piece)
			}
			resp := c.head()
			if resp.StatusCode == 100 {
				resp = c.head()
			}
			text, err := io.ReadAll(resp.Body)
			want, code := 413, "request_too_large"
			switch {
			case name == "by header":
				want, code = 431, "header_too_large"
			case strings.HasSuffix(name, "without a key"):
				want, code = 401, "invalid_api_key"
			}
			if err != nil {
				t.Fatal(err)
			}
			answer{resp, string(text)}.failure(t, want, code)
		})
	}
}

func TestClientMayAskBeforeItSends(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	c := g.dial()
	head, body, _ := strings.Cut(chatText(plainRequest, "Expect", "100-continue"), "\r\n\r\n")
	c.send(head + "\r\n\r\n")
	if resp := c.head(); resp.StatusCode != 100 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	c.send(body)
	if a := c.answer(); a.StatusCode != 200 || a.body != plainBodyOf("hello") {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func TestConnectionsThatSayNothingAreNoBadRequests(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, leave := range departures {
		for _, begun := range []string{"", "POST /v1/chat", strings.TrimSuffix(chatText(plainRequest), "}")} {
			c := g.dial() // the TCP checks of load balancers are like the first
			c.send(begun)
			leave(c)
		}
	}
	c := g.dial()
	c.send("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
	c.answer()
	c.SetLinger(0)
	c.Close()
	eventually(t, "no connection is open", func() bool { return g.Server.http.GetOpenConnectionsCount() == 0 })
	if strings.Contains(g.log.String(), "WARN") {
		t.Errorf("the log:\n%s", g.log)
	}
}

// fasthttp's errors quote what they could not read.
func TestBadRequestDoesNotPutItsKeyIntoTheLog(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, head := range []string{
		"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer KEY\r\nno colon\r\n\r\n",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization Bearer KEY\r\n\r\n",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer KEY\x00\r\n\r\n",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nX-Api-Key: KEY\r\nX-Long: " + strings.Repeat("x", conn.MaxHead) + "\r\n\r\n",
		"POST /v1/chat/completions?key=KEY\r\nHost: gateway\r\n\r\n",
		"POST\r\nX-Api-Key: KEY\r\n\r\n",
	} {
		c := g.dial()
		c.send(strings.ReplaceAll(head, "KEY", clientKeyText))
		if a := c.answer(); a.StatusCode < 400 || strings.Contains(a.body, clientKeyText) {
			t.Errorf("%q: %d %s", head, a.StatusCode, a.body)
		}
		line := g.log.Next(t, "bad request")
		if line["level"] != "WARN" || line["id"] == nil || line["error"] == "" || line["client"] != "127.0.0.1" {
			t.Errorf("%q: %v", head, line)
		}
	}
	eventually(t, "no connection is open", func() bool { return g.Server.http.GetOpenConnectionsCount() == 0 })
	if strings.Contains(g.log.String(), clientKeyText) {
		t.Errorf("the log:\n%s", g.log)
	}
}

func TestHTTP10ClientsGetUsableAnswers(t *testing.T) {
	got := make(chan bool)
	failing := listen(t, func(p *peer, _ seen) bool {
		p.say(streamHead + chunk(event("one")))
		<-got
		p.say(chunk("data: {\"error\":{\"message\":\"broken\"}}\n\n") + chunk(""))
		return true
	})
	g := start(t, providerOf("p", listen(t, both)), providerOf("f", failing, "    model: [f]\n"))
	for _, c := range []struct{ name, request, want string }{
		{"a plain answer", plainRequest, plainBodyOf("hello")},
		{"a stream", streamRequest, streamSeen},
		{"a stream that fails", strings.Replace(streamRequest, `"m"`, `"f"`, 1), event("one") + `data: {"error":`},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := g.dial()
			client.send(strings.Replace(chatText(c.request), "HTTP/1.1", "HTTP/1.0", 1))
			if strings.Contains(c.name, "fails") {
				client.br.Peek(1) // the first event
				got <- true
			}
			text := client.rest() // HTTP/1.0 knows no chunks: the body goes to the end of the connection
			head, body, _ := strings.Cut(text, "\r\n\r\n")
			if strings.Contains(head, "chunked") {
				t.Errorf("chunks for a client that cannot read them:\n%s", head)
			}
			if !strings.HasPrefix(head, "HTTP/1.") || !strings.Contains(head, " 200 ") || !strings.HasPrefix(body, c.want) {
				t.Errorf("got %q", text)
			}
		})
	}
	kept := g.dial()
	for range 2 {
		kept.send(strings.Replace(chatText(plainRequest, "Connection", "keep-alive"), "HTTP/1.1", "HTTP/1.0", 1))
		if a := kept.answer(); a.body != plainBodyOf("hello") || a.Close {
			t.Errorf("kept alive: %v %q", a.Header, a.body)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInTheirOrder(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	c := g.dial()
	var text strings.Builder
	for i := range 20 {
		body := plainRequest
		if i%2 == 1 {
			body = streamRequest
		}
		text.WriteString(chatText(body, "X-Request-Id", fmt.Sprint("r", i)))
	}
	c.send(text.String())
	for i := range 20 {
		a := c.answer()
		want := plainBodyOf("hello")
		if i%2 == 1 {
			want = streamSeen
		}
		if a.Header.Get("X-Request-Id") != fmt.Sprint("r", i) || a.body != want {
			t.Fatalf("answer %d: %v %q", i, a.Header, a.body)
		}
	}
}
