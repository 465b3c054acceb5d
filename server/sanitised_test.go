package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// raw makes a script that keeps the head of each request as it came.
func rawHeads(heads chan<- string) script {
	return func(p *peer, r seen) bool {
		var b strings.Builder
		r.Header.Write(&b)
		heads <- r.Method + " " + r.RequestURI + "\n" + "Host: " + r.Host + "\n" + b.String()
		return both(p, r)
	}
}

func TestWhatIsBetweenAClientAndTheGatewayStaysThere(t *testing.T) {
	heads := make(chan string, 10)
	up := listen(t, rawHeads(heads))
	g := start(t, providerOf("p", up, "    preferences:\n      passthrough_request_headers: [X-Kept, X-Hop, X-Other, TE, Upgrade, Proxy-Authorization, Keep-Alive, Transfer-Encoding, Cookie, Host, Connection]\n"))
	c := g.dial()
	c.post(plainRequest, "X-Kept", "kept", "X-Hop", "for the gateway", "X-Other", "for the gateway", "X-Unnamed", "no",
		"Connection", "close, x-hop", "Connection", "X-Other", "TE", "trailers", "Upgrade", "h2c", "HTTP2-Settings", "AAMAAABk",
		"Proxy-Authorization", "Basic eDp5", "Proxy-Connection", "keep-alive", "Keep-Alive", "timeout=5", "Cookie", "a=b",
		"X-Forwarded-Host", "elsewhere", "Forwarded", "host=elsewhere", "Accept-Encoding", "gzip", "Expect", "nothing")
	if a := c.answer(); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	head := receive(t, heads, "a request")
	if !strings.Contains(head, "X-Kept: kept") || !strings.Contains(head, "Host: "+up.addr) {
		t.Errorf("the provider got %q", head)
	}
	for _, not := range []string{"gateway", "no\r\n", "close", "trailers", "h2c", "Basic", "elsewhere", "a=b", "gzip", "nothing", clientKeyText, "chunked"} {
		if strings.Contains(head, not) {
			t.Errorf("the provider got %q in %q", not, head)
		}
	}
}

func TestWhatIsBetweenTheGatewayAndAProviderStaysThere(t *testing.T) {
	const strange = "Set-Cookie: a=b\r\nConnection: X-Secret\r\nX-Secret: for the gateway\r\nX-Request-Id: theirs\r\nServer: theirs\r\nX-Ratelimit-Remaining: 1\r\nKeep-Alive: timeout=5\r\n" +
		"Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nAlt-Svc: h3=\":443\"\r\nLocation: http://elsewhere/\r\nAccess-Control-Allow-Origin: https://theirs\r\nX-Accel-Redirect: /etc/passwd\r\nRefresh: 0\r\n"
	for name, text := range map[string]string{
		"a plain answer": strings.Replace(plainOK, "\r\n", "\r\n"+strange, 1),
		"an error":       strings.Replace(reply(400, jsonKind, `{"error":{"message":"no"}}`), "\r\n", "\r\n"+strange, 1),
		"a stream":       strings.Replace(streamOK, "\r\n", "\r\n"+strange, 1),
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, providerOf("p", listen(t, says(text))))
			body := plainRequest
			if name == "a stream" {
				body = streamRequest
			}
			a := g.chat(body)
			ours := []string{"Cache-Control", "Content-Length", "Content-Type", "Date", "X-Accel-Buffering", "X-Content-Type-Options", "X-Request-Id", "X-Uni-Api-Channel"}
			for h := range a.Header {
				if !slices.Contains(ours, h) {
					t.Errorf("the client got %s: %s", h, a.Header.Get(h))
				}
			}
			if a.Header.Get("X-Request-Id") == "theirs" || a.Close {
				t.Errorf("the client got %v, close %v", a.Header, a.Close)
			}
		})
	}
}

// A type of content is the one header of a provider's that clients get as it is.
func TestProvidersContentTypeCannotBringHeadersWithIt(t *testing.T) {
	for _, kind := range []string{"audio/mpeg\rX-Evil: 1", "audio/mpeg\nX-Evil: 1", "audio/mpeg\r\n X-Evil: 1", "audio/mpeg\x00X-Evil: 1", "audio/mpeg\x0bX-Evil: 1"} {
		g := start(t, providerOf("p", listen(t, says(reply(200, kind, "sound")))))
		c := g.dial()
		c.send(strings.Replace(chatText(`{"model":"m","input":"hi"}`), "/v1/chat/completions", "/v1/audio/speech", 1))
		resp := c.head()
		if resp.Header.Get("X-Evil") != "" || strings.ContainsAny(resp.Header.Get("Content-Type"), "\r\n\x00\x0b") {
			t.Errorf("%q: %v", kind, resp.Header)
		}
	}
}

// What clients send that comes back in a header of the answer or goes on in one.
func TestWhatClientsSendCannotBringHeadersWithIt(t *testing.T) {
	heads := make(chan string, 10)
	g := start(t, providerOf("p", listen(t, rawHeads(heads))))
	for _, header := range []string{"X-Request-Id", "Access-Control-Request-Headers", "Origin", "Anthropic-Beta", "User-Agent", "Authorization"} {
		for _, evil := range []string{"x\rX-Evil: 1", "x\nX-Evil: 1", "x\x00X-Evil: 1", "x\r\n\tX-Evil: 1"} {
			c := g.dial()
			c.post(plainRequest, header, evil)
			if a := c.answer(); a.StatusCode != 400 || a.Header.Get("X-Evil") != "" {
				t.Errorf("%s: %q: %d %v", header, evil, a.StatusCode, a.Header)
			}
		}
	}
	// Escaped in JSON, in a query or in a path nothing keeps them out.
	for _, path := range []string{
		"/v1beta/models/m%0d%0aX-Evil:%201:generateContent?key=" + clientKeyText,
		"/v1/models/m%0d%0aX-Evil:%201", "/v1/%0d%0aX-Evil:%201",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			a := g.do(method, path, plainRequest, "Authorization", "Bearer "+clientKeyText)
			if a.Header.Get("X-Evil") != "" {
				t.Errorf("%s %s: %v", method, path, a.Header)
			}
		}
	}
	a := g.chat(`{"model":"m\r\nX-Evil: 1","messages":[{"role":"user","content":"hi"}]}`, "X-Debug-Attempts", "1")
	if a.StatusCode != http.StatusNotFound || a.Header.Get("X-Evil") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if len(heads) > 0 {
		t.Errorf("a provider was asked: %q", <-heads)
	}
}

// Answers of providers that may be read in two ways. What is hidden in one must
// never become the answer to the next request.
func TestAnswersThatTwoParsersMayReadInTwoWaysReachNobodyElse(t *testing.T) {
	forged := reply(200, jsonKind, plainBodyOf("forged"))
	body := plainBodyOf("hello")
	chunks := chunk(body) + chunk("")
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for _, c := range []struct {
		name, text string
		served     bool // whether this answer may be used itself
	}{
		{"a length and chunks", head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, true},
		{"two lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", false},
		{"two lengths in a list", head + "Content-Length: 2, 2\r\n\r\n{}", false},
		{"a length with a plus", head + "Content-Length: +2\r\n\r\n{}", false},
		{"a length that is too short", head + "Content-Length: 2\r\n\r\n{}", false},
		{"a bare LF", "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 2\n\n{}", false},
		{"chunked and identity", head + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunks, false},
		{"an unknown encoding", head + "Transfer-Encoding: xchunked\r\n\r\n" + chunks, false},
		{"a chunk's size with 0x", head + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", false},
		{"a chunk without CRLF", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n", false},
		{"a chunk's size behind a bare LF", head + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", false},
		{"a body where there is none", "HTTP/1.1 204 No Content\r\n\r\n", false},
		{"an interim answer with a length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n" + plainOK, true},
		{"a good answer, and one that nobody asked for", plainOK, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := listen(t, func(p *peer, r seen) bool {
				if strings.Contains(r.body, "smuggle") {
					p.say(c.text + forged)
				} else {
					p.say(plainOK)
				}
				return true
			})
			g := start(t, providerOf("p", up), "preferences:\n  cooldown_period: 0\n", "api_keys: [{api: "+clientKeyText+", preferences: {AUTO_RETRY: false}}]\n")
			for range 3 {
				a := g.chat(strings.Replace(plainRequest, "hi", "smuggle", 1))
				if strings.Contains(a.body, "forged") || a.StatusCode == 200 && !c.served {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
				if a := g.chat(plainRequest); strings.Contains(a.body, "forged") || a.StatusCode != 200 {
					t.Errorf("the next request: %d %s", a.StatusCode, a.body)
				}
			}
		})
	}
}
