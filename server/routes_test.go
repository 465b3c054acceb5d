package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"uniapi/server/entry"
)

func TestEveryAnswerCanBeReadByABrowser(t *testing.T) {
	broken := listen(t, says(reply(500, jsonKind, `{"error":{"message":"broken"}}`)))
	up := listen(t, both)
	g := startWith(t, Options{MaxBody: 1 << 10}, providerOf("p", up), providerOf("broken", broken, "    model: [broken]\n"))
	authorized := []string{"Authorization", "Bearer " + clientKeyText}
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
	}{
		{"a plain answer", "POST", "/v1/chat/completions", plainRequest, authorized, 200},
		{"a stream", "POST", "/v1/chat/completions", streamRequest, authorized, 200},
		{"the models", "GET", "/v1/models", "", authorized, 200},
		{"no key", "POST", "/v1/chat/completions", plainRequest, nil, 401},
		{"no key for the models", "GET", "/v1/models", "", nil, 401},
		{"a body that is no JSON", "POST", "/v1/chat/completions", "{", authorized, 400},
		{"an unknown model", "POST", "/v1/chat/completions", strings.Replace(plainRequest, `"m"`, `"x"`, 1), authorized, 404},
		{"an unknown path", "GET", "/v1/nothing", "", authorized, 404},
		{"a wrong method", "GET", "/v1/chat/completions", "", authorized, 405},
		{"a large body", "POST", "/v1/chat/completions", strings.Repeat(" ", 2<<10), authorized, 413},
		{"a failing upstream", "POST", "/v1/chat/completions", strings.Replace(plainRequest, `"m"`, `"broken"`, 1), authorized, 500},
		{"the root", "GET", "/", "", nil, 200},
		{"health", "GET", "/healthz", "", nil, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.do(c.method, c.path, c.body, append(slices.Clone(c.header), "Origin", "https://chat.example")...)
			if a.StatusCode != c.status || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Expose-Headers") != "*" {
				t.Errorf("status %d, %v", a.StatusCode, a.Header)
			}
			if c.status >= 400 {
				a.failure(t, c.status, "")
			}
			if a.Header.Get("X-Request-Id") == "" {
				t.Error("no request id")
			}
			if c.status == 413 {
				return // fasthttp's refusals are open to all
			}
			a = g.do(c.method, c.path, c.body, c.header...)
			if a.StatusCode != c.status || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("not asked by a browser: status %d, %v", a.StatusCode, a.Header)
			}
		})
	}
}

func TestPreflightsAreAnsweredBeforeAnythingElse(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, path := range []string{"/v1/chat/completions", "/v1/models", "/v1/nothing", "/"} {
		a := g.do("OPTIONS", path, "", "Origin", "https://chat.example", "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization, x-stainless-lang")
		h := a.Header
		if a.StatusCode != 204 || a.body != "" || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Max-Age") != "600" ||
			h.Get("Access-Control-Allow-Headers") != "authorization, x-stainless-lang" ||
			!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || !strings.Contains(h.Get("Vary"), "Access-Control-Request-Headers") {
			t.Errorf("%s: %d %v %q", path, a.StatusCode, h, a.body)
		}
	}
	if a := g.do("OPTIONS", "/v1/models", ""); a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Headers") != "*" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestRouterAnswersInTheEnvelope(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, c := range []struct {
		method, path string
		status       int
		word, allow  string // in the message; methods in Allow
	}{
		{"GET", "/v1", 404, "/v1", ""},
		{"POST", "/v1/chat/completions/", 401, "API key", ""}, // as without the slash
		{"GET", "/favicon.ico", 404, "/favicon.ico", ""},
		{"GET", "/%3Cscript%3E%22", 404, `<script>"`, ""},
		{"GET", "/%ff%00", 404, "", ""},
		{"GET", "/v1/chat/completions", 405, "GET", "POST"},
		{"DELETE", "/v1/models", 405, "DELETE", "GET"},
		{"PUT", "/", 405, "PUT", "GET"},
		{"POST", "/healthz", 405, "POST", "GET"},
	} {
		a := g.do(c.method, c.path, "")
		message := a.failure(t, c.status, "")
		if !strings.Contains(message, c.word) {
			t.Errorf("%s %s: %q", c.method, c.path, message)
		}
		if allow := a.Header.Get("Allow"); !strings.Contains(allow, c.allow) || (c.allow == "") != (allow == "") {
			t.Errorf("%s %s: Allow %q", c.method, c.path, allow)
		}
	}
}

// The path that is routed is the normalised one, so that no spelling of a path
// gets around its key.
func TestSpellingsOfAPathLeadToOneHandler(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for _, path := range []string{"//v1/models", "/v1//models", "/x/../v1/models", "/v1/./models", "/v1/%6dodels", "/v1/models?x=1", "/%2e%2e/v1/models"} {
		c := g.dial()
		c.send("GET " + path + " HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
		c.answer().failure(t, 401, "invalid_api_key")
	}
}

func TestProbesAreAnswered(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	for path, want := range map[string]map[string]string{
		"/": {"name": "uni-api", "version": "v0-test", "chat": "/v1/chat/completions", "models": "/v1/models", "dashboard": "/dashboard",
			"docs": "README.md and docs/ of the release; deploy/install.sh puts them into /usr/local/share/doc/uni-api"},
		"/healthz": {"status": "ok", "version": "v0-test"},
		"/readyz":  {"status": "ready"},
	} {
		a := g.do("GET", path, "")
		got := map[string]string{}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != 200 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("GET %s: %d %s", path, a.StatusCode, a.body)
		}
		head := g.do("HEAD", path, "")
		if head.StatusCode != 200 || head.body != "" || head.Header.Get("Content-Type") != jsonKind || head.ContentLength != int64(len(a.body)) {
			t.Errorf("HEAD %s: %d %v %q", path, head.StatusCode, head.Header, head.body)
		}
	}
	// A HEAD leaves its connection in order.
	c := g.dial()
	c.send("HEAD /healthz HTTP/1.1\r\nHost: gateway\r\n\r\nHEAD /v1/nothing HTTP/1.1\r\nHost: gateway\r\n\r\nGET /readyz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
	if text := c.rest(); strings.Count(text, "HTTP/1.1 200 ") != 2 || strings.Count(text, "HTTP/1.1 404 ") != 1 || strings.Count(text, "\r\n\r\n{") != 1 {
		t.Errorf("%q", text)
	}
}

func TestGatewayThatEndsIsNotReady(t *testing.T) {
	arrived, release := make(chan bool, 1), make(chan bool)
	up := listen(t, func(p *peer, _ seen) bool {
		arrived <- true
		<-release
		p.say(plainOK)
		return true
	})
	g := start(t, providerOf("p", up))
	busy, probe := g.dial(), g.dial()
	probe.send("GET /readyz HTTP/1.1\r\nHost: gateway\r\n") // under way, so that its connection is not closed as idle
	busy.post(plainRequest)
	receive(t, arrived, "the request at the upstream")
	over := make(chan error, 1)
	go func() { over <- g.Shutdown(context.Background()) }()
	eventually(t, "draining", g.draining.Load)
	probe.send("\r\n")
	if a := probe.answer(); a.StatusCode != 503 || !strings.Contains(a.body, "draining") || !a.Close {
		t.Errorf("%d %s, close: %v", a.StatusCode, a.body, a.Close)
	}
	close(release)
	if a := busy.answer(); a.StatusCode != 200 {
		t.Errorf("the request in flight got %d %s", a.StatusCode, a.body)
	}
	if err := receive(t, over, "the end"); err != nil {
		t.Error(err)
	}
}

// Under the race detector it fails if the request is looked at once more.
func TestRequestWhoseAttemptsGoOnIsNotLookedAtBehindTheirBack(t *testing.T) {
	s := start(t, providerOf("p", listen(t, both))).Server
	looked := make(chan bool)
	handler := s.entrance(func(ctx *fasthttp.RequestCtx) {
		entry.SetID(ctx, []byte("id"))
		go func() { // as attempts do behind comments
			ctx.Request.Header.Peek("X-Passed-On")
			close(looked)
		}()
	})
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	ctx.Request.Header.Set("Origin", "https://chat.example")
	handler(&ctx)
	<-looked
	if string(ctx.Response.Header.Peek("Access-Control-Allow-Origin")) != "*" {
		t.Error("a browser cannot read the answer")
	}
}
