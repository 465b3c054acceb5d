package server

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/config"
	"uniapi/server/telemetry"
)

// canaries are the secrets of a configuration, by where they stand. None may ever
// come out of the gateway.
type canaries map[string]string

func newCanaries(t *testing.T) canaries {
	c := canaries{}
	for i, name := range []string{"client", "admin", "key1", "key2", "gemini", "claude", "header", "token", "password", "query", "proxy", "globalproxy", "awsid", "awssecret", "awssession", "cloudflare"} {
		c[name] = fmt.Sprintf("%02d-%s", i, rand.Text())
	}
	for _, name := range []string{"client", "admin", "key1", "key2"} {
		c[name] = "sk-" + c[name]
	}
	c["key2"] = "sk-/+=&%\"<é>" + c["key2"] // written in another way wherever it goes
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c["pem"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return c
}

// shownCanary is how much of a secret may be seen in a row.
const shownCanary = 12

// without is an answer without the canaries that stood in the request: they tell
// who asked nothing new.
func (c canaries) without(answer string, asked []string) string {
	for _, canary := range c {
		for _, text := range asked {
			if strings.Contains(text, canary) {
				answer = strings.ReplaceAll(answer, canary, "")
			}
		}
	}
	return answer
}

// pieces are all pieces of the canaries of that length, as they are and in the
// encodings that something on the way may use, with what they are pieces of. It does
// not ask the redactor.
func (c canaries) pieces() map[string]string {
	pieces := map[string]string{}
	for name, secret := range c {
		for line := range strings.SplitSeq(secret, "\n") {
			if strings.HasPrefix(line, "-----") || len(line) < shownCanary {
				continue
			}
			escaped, _ := json.Marshal(line)
			forms := []string{line, string(escaped[1 : len(escaped)-1]), url.QueryEscape(line), strings.ToLower(url.QueryEscape(line)), url.PathEscape(line), fmt.Sprintf("%x", line), fmt.Sprint([]byte(line))}
			for before := range 3 {
				encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + line))
				forms = append(forms, encoded[4:len(encoded)-4])
			}
			for _, form := range forms {
				for i := 0; i+shownCanary <= len(form); i++ {
					pieces[form[i:i+shownCanary]] = name
				}
			}
		}
	}
	return pieces
}

// in finds pieces of canaries in what came out, the first of each canary.
func in(pieces map[string]string, text []byte) (found []string) {
	told := map[string]bool{}
	for i := 0; i+shownCanary <= len(text); i++ {
		piece := text[i : i+shownCanary]
		if name, is := pieces[string(piece)]; is && !told[name] {
			told[name] = true
			found = append(found, fmt.Sprintf("%s (%q) in …%q…", name, piece, text[max(0, i-200):min(len(text), i+100)]))
		}
	}
	return found
}

// emitted is every byte that a gateway has let out, but to providers.
type emitted struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen map[string]int    // lines of the log, by their message
	bad  map[string]string // pieces of canaries
}

func (e *emitted) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.Write(p)
}

// check fails if a canary is in what has come out since the last time.
func (e *emitted) check(t *testing.T, what string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, found := range in(e.bad, e.text.Bytes()) {
		t.Errorf("%s: %s", what, found)
	}
	for line := range bytes.Lines(e.text.Bytes()) {
		var parsed struct{ Msg string }
		if json.Unmarshal(line, &parsed) == nil {
			e.seen[parsed.Msg]++
		}
	}
	e.text.Reset()
}

// echo is a provider that repeats what it was told in its answers, wherever one can.
func echo(p *peer, r seen) bool {
	told := []string{r.RequestURI}
	for name, values := range r.Header {
		if name != "Content-Type" && name != "Accept" && name != "User-Agent" {
			told = append(told, values...)
		}
	}
	said := strings.Join(told, " ")
	pieces := func(f func(value string) string) string {
		cut := make([]string, len(told))
		for i, value := range told {
			cut[i] = f(value)
		}
		text, _ := json.Marshal(strings.Join(cut, " "))
		return string(text)
	}
	escaped, _ := json.Marshal("refused: " + said)
	fit := strings.NewReplacer("\r", " ", "\n", " ").Replace(said)
	failure := func(status int, message string) string {
		return reply(status, jsonKind, `{"error":{"message":`+message+`,"type":`+message+`,"code":`+message+`,"param":`+message+`}}`)
	}
	encoded := func(f func([]byte) string) string {
		text, _ := json.Marshal(f([]byte(said)))
		return string(text)
	}
	events := func(first ...string) string {
		text := streamHead
		for _, e := range first {
			text += chunk(e)
		}
		return text
	}
	answers := map[string]string{
		"401":        failure(401, string(escaped)),
		"400":        failure(400, string(escaped)),
		"429":        failure(429, string(escaped)),
		"500":        failure(500, string(escaped)),
		"percent":    failure(500, encoded(func(b []byte) string { return url.QueryEscape(string(b)) })),
		"base64":     failure(500, encoded(base64.StdEncoding.EncodeToString)),
		"base64url":  failure(500, encoded(base64.RawURLEncoding.EncodeToString)),
		"go":         failure(500, encoded(func(b []byte) string { return fmt.Sprintf("%q", b) })),
		"cut":        failure(500, encoded(func(b []byte) string { return string(b[:len(b)*2/3]) })),
		"beheaded":   failure(500, pieces(func(v string) string { return v[min(len(v), 13):] })),
		"tails":      failure(500, pieces(func(v string) string { return v[max(0, len(v)-min(40, len(v)/2)):] })),
		"middles":    failure(500, pieces(func(v string) string { return v[len(v)/4 : len(v)-len(v)/5] })),
		"bits":       failure(500, pieces(func(v string) string { return strings.Join(strings.SplitAfter(v, "-"), " … ") })),
		"text":       reply(500, "text/plain", said),
		"html":       reply(502, "text/html", "<html><title>"+said+"</title><body>"+said+"</body></html>"),
		"list":       reply(400, jsonKind, `[{"error":{"code":400,"message":`+string(escaped)+`,"status":"INVALID_ARGUMENT","details":[`+string(escaped)+`]}}]`),
		"headers":    strings.Replace(plainOK, "\r\n", "\r\nX-Echo: "+fit+"\r\nSet-Cookie: "+fit+"\r\nX-Request-Id: "+fit+"\r\n", 1),
		"reason":     strings.Replace(reply(500, "text/plain", ""), "Whatever", fit, 1),
		"retry":      strings.Replace(failure(429, `"slow"`), "\r\n", "\r\nRetry-After: "+fit+"\r\n", 1),
		"redirect":   "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/?" + url.QueryEscape(said) + "\r\nContent-Length: 0\r\n\r\n",
		"no http":    said,
		"no header":  "HTTP/1.1 200 OK\r\n" + fit + "\r\n\r\n",
		"encoding":   strings.Replace(plainOK, "\r\n", "\r\nContent-Encoding: "+fit+"\r\n", 1),
		"type":       reply(200, fit, said),
		"in answer":  reply(200, jsonKind, `{"error":{"message":`+string(escaped)+`}}`),
		"no json":    reply(200, jsonKind, said),
		"no answer":  reply(200, jsonKind, `{"choices":`+string(escaped)+`}`),
		"wrong size": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + said + "\r\n",
		"first":      events(`data: {"error":{"message":` + string(escaped) + "}}\n\n"),
		"later":      events(event("one"), `data: {"error":{"message":`+string(escaped)+`,"code":`+string(escaped)+"}}\n\n"),
		"odd event":  events(event("one"), "data: "+said+"\n\n"),
		"odd first":  events("data: " + said + "\n\n"),
		"no event":   events(said),
		"bad chunk":  streamHead + chunk(event("one")) + said + "\r\n",
	}
	for name, text := range answers {
		if strings.Contains(r.body, "mode:"+name+"!") {
			p.say(text)
			return false
		}
	}
	p.say(failure(403, string(escaped)))
	return false
}

var echoModes = []string{
	"401", "400", "429", "500", "percent", "base64", "base64url", "go", "cut", "beheaded", "tails", "middles", "bits", "text", "html", "list", "headers", "reason", "retry", "redirect", "no http", "no header", "encoding", "type",
	"in answer", "no json", "no answer", "wrong size", "first", "later", "odd event", "odd first", "no event", "bad chunk", "any other",
}

func (c canaries) fill(text string) string {
	for name, secret := range c {
		quoted, _ := json.Marshal(secret)
		text = strings.ReplaceAll(text, "<"+name+">", secret)
		text = strings.ReplaceAll(text, "\""+secret+"\"", string(quoted))
	}
	return text
}

// canaryConfig has a canary wherever a secret may stand.
func canaryConfig(t *testing.T, c canaries, up *upstream, proxy string) *config.Config {
	pemText, _ := json.Marshal(c["pem"])
	text := c.fill(strings.NewReplacer("UP", up.addr, "PROXY", proxy, "PEM", string(pemText)).Replace(`
providers:
  - {provider: gpt, base_url: "http://user:<password>@UP/v1/chat/completions?token=<query>", api: ["<key1>", "<key2>"], model: [gpt, other], preferences: {headers: {X-Secret: "<header>", X-Auth: "Token <token>"}, api_key_cooldown_period: 0}}
  - {provider: gemini, base_url: "http://UP/v1beta?key=<query>", engine: gemini, api: "<gemini>", model: [gemini]}
  - {provider: claude, base_url: "http://UP/v1/messages", engine: claude, api: "<claude>", model: [claude]}
  - {provider: bedrock, base_url: "http://UP/", engine: aws, aws_access_key: "<awsid>", aws_secret_key: "<awssecret>", aws_session_token: "<awssession>", region: us-east-1, model: [bedrock]}
  - {provider: vertex, base_url: "http://UP/", engine: vertex, project_id: p, client_email: a@b.example, private_key: PEM, token_uri: "http://UP/token", model: [vertex]}
  - {provider: broken vertex, base_url: "http://UP/", engine: vertex, project_id: p, client_email: a@b.example, private_key: "-----BEGIN PRIVATE KEY-----\n<key1>\n-----END PRIVATE KEY-----", model: [broken]}
  - {provider: no tls, base_url: "https://UP/v1/chat/completions", api: "<key1>", model: [notls]}
  - {provider: proxied, base_url: "https://up.example/v1/chat/completions", api: "<key1>", model: [proxied], preferences: {proxy: "http://user:<proxy>@PROXY"}}
  - {provider: plainly proxied, base_url: "http://up.example/v1/chat/completions", api: "<key1>", model: [plainproxied], preferences: {proxy: "http://user:<proxy>@PROXY"}}
  - {provider: no proxy, base_url: "https://up.example/v1/chat/completions", api: "<key1>", model: [noproxy], preferences: {proxy: "socks5://user:<proxy>@127.0.0.1:1"}}
  - {provider: asks, base_url: "http://UP/discovered/v1/chat/completions", api: "<key1>"}
api_keys:
  - {api: "<client>", role: user, model: [all], preferences: {credits: 5, AUTO_RETRY: false}}
  - {api: "<admin>", role: admin, model: [all]}
preferences: {cooldown_period: 0, model_price: {default: "1,2"}}
`))
	cfg, err := config.Parse("api.yaml", []byte(text), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// A gateway that tells everything it tells at debug level, bodies and all, and that
// is asked everything it can be asked, tells nobody a secret.
func TestNoSecretComesOut(t *testing.T) {
	c := newCanaries(t)
	up := listen(t, echo)
	refusing := listen(t, func(p *peer, r seen) bool {
		said := fmt.Sprint(r.RequestURI, r.Header)
		p.say(strings.Replace(reply(407, "text/plain", said), "\r\n", "\r\nProxy-Authenticate: "+strings.NewReplacer("\r", "", "\n", "").Replace(said)+"\r\n", 1))
		return false
	})
	out := &emitted{seen: map[string]int{}, bad: c.pieces()}
	log, flush := telemetry.NewLogger(out, false, slog.LevelDebug)
	defer flush()
	badUpdate := errors.New("")
	server, err := New(Options{Config: canaryConfig(t, c, up, refusing.addr), Log: log, Version: "v0-test", LogBodies: true,
		Update: func(map[string]json.RawMessage, func(*config.Config) error) error { return badUpdate }})
	if err != nil {
		t.Fatal(err)
	}
	var panicked any
	inner := server.http.Handler
	server.http.Handler = func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) != "/panic" {
			inner(ctx)
			return
		}
		defer func() { server.onPanic(ctx, recover()) }()
		panic(panicked)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln.(*net.TCPListener))
	defer server.Shutdown(t.Context())
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(what, method, path, body, key string, header ...string) string {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+ln.Addr().String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		var head strings.Builder
		resp.Header.Write(&head)
		io.WriteString(out, c.without(head.String()+string(text), append(header, req.URL.Path, req.URL.RawQuery, body))+"\n")
		flush()
		out.check(t, what)
		return string(text)
	}

	models := []string{"gpt", "gemini", "claude", "bedrock", "vertex", "broken", "notls", "proxied", "plainproxied", "noproxy"}
	for _, model := range models {
		for _, mode := range echoModes {
			if model != "gpt" && model != "gemini" && model != "claude" && mode != "401" && mode != "text" && mode != "no http" {
				continue
			}
			for _, stream := range []string{"false", "true"} {
				body := fmt.Sprintf(`{"model":%q,"stream":%s,"messages":[{"role":"user","content":"mode:%s!"}],"max_tokens":5}`, model, stream, mode)
				what := fmt.Sprintf("%s, %s, stream %s", model, mode, stream)
				key := c["client"]
				if model == "gpt" && stream == "false" {
					key = c["admin"] // with further attempts
				}
				ask(what, "POST", "/v1/chat/completions", body, key, "X-Debug-Attempts", "1")
				if model == "claude" {
					ask(what+", as Anthropic", "POST", "/v1/messages", body, c["client"])
				}
				if model == "gemini" {
					verb := map[string]string{"false": "generateContent", "true": "streamGenerateContent?alt=sse"}[stream]
					ask(what+", as Google", "POST", "/v1beta/models/gemini:"+verb, `{"contents":[{"parts":[{"text":"mode:`+mode+`!"}]}]}`, c["client"])
				}
			}
		}
	}
	for _, mode := range echoModes {
		ask("speech, "+mode, "POST", "/v1/audio/speech", `{"model":"gpt","input":"mode:`+mode+`!"}`, c["client"])
		ask("embeddings, "+mode, "POST", "/v1/embeddings", `{"model":"gpt","input":"mode:`+mode+`!"}`, c["client"])
	}
	ask("counting", "POST", "/v1/messages/count_tokens", `{"model":"claude","messages":[{"role":"user","content":"hi"}]}`, c["client"])

	// What a client says itself, in the wrong place.
	for _, key := range []string{"client", "key1", "awssecret"} {
		ask("a key for a model", "POST", "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"messages":[]}`, c[key]), c["client"])
		ask("a key in a body that is none", "POST", "/v1/chat/completions", `{"model":`+c[key], c["client"])
		ask("a key for a path", "GET", "/v1/"+url.PathEscape(c[key]), "", c["client"])
		ask("a key for a model's address", "GET", "/v1/models/"+url.PathEscape(c[key]), "", c["client"])
		ask("a key for Google's model", "POST", "/v1beta/models/"+url.PathEscape(c[key])+":generateContent?key="+url.QueryEscape(c[key]), "{}", c["client"])
		ask("a key for an id", "POST", "/v1/chat/completions", `{"model":"gpt","messages":[]}`, c["client"], "X-Request-Id", c[key])
	}

	// What admins see.
	for _, path := range []string{
		"/metrics", "/v1/stats", "/v1/models", "/v1/api_config", "/v1/api_keys_states", "/v1/token_usage", "/v1/token_usage?api_key_param=" + c["client"], "/v1/token_usage?last_n_days=" + c["client"],
		"/v1/stats?hours=" + c["client"], "/v1/channel_key_rankings?provider_name=gpt", "/v1/channel_key_rankings?provider_name=" + c["client"], "/v1/overview", "/v1/live", "/v1/requests", "/v1/timeline", "/v1/timeline?key=" + c["client"],
		"/v1/explain?model=gpt&key=" + c["client"], "/v1/explain?model=none&key=" + c["client"], "/v1/explain?model=gpt&key=" + c["key1"], "/v1/explain?key=user&model=" + c["client"],
		"/dashboard/billing/subscription", "/dashboard/billing/usage", "/v1/generate-api-key", "/", "/healthz", "/readyz", "/dashboard/", "/dashboard/" + c["client"],
	} {
		ask("GET "+path, "GET", path, "", c["admin"])
		ask("GET "+path+" as a user", "GET", path, "", c["client"])
	}
	ask("adding credits", "POST", "/v1/add_credits?amount=1&paid_key="+c["client"], "", c["admin"])
	ask("adding credits to none", "POST", "/v1/add_credits?amount=1&paid_key="+c["key1"], "", c["admin"])
	ask("adding no credits", "POST", "/v1/add_credits?amount="+c["client"]+"&paid_key="+c["client"], "", c["admin"])
	if shown := ask("nothing", "GET", "/v1/generate-api-key", "", c["admin"]); !strings.Contains(shown, "sk-") {
		t.Errorf("no key was made: %s", shown)
	}

	// A configuration that is wrong where its secrets stand.
	for _, wrong := range []string{
		`{"providers":[{"provider":"p","base_url":"<key1>","api":"<key2>"}],"api_keys":[{"api":"<client>"}]}`,
		`{"providers":[{"provider":"<key1>","base_url":"http://u:<password>@/","api":{"<key2>":1}}],"api_keys":[{"api":["<client>"]}]}`,
		`{"providers":[{"provider":"p","base_url":"http://h","api":"<key1>","<key1>":1,"preferences":{"proxy":"http://u:<proxy>@:x","headers":{"X-A":"<header>\n","<token>\n":"b"}}}],"api_keys":[{"api":"<client>","model":["<admin>/*","<client>/x"],"preferences":{"rate_limit":"<client>"}}]}`,
		`{"providers":[{"provider":"p","base_url":"http://h","aws_access_key":"<awsid>","private_key":"<key1>"}],"api_keys":[{"api":"<client>"},{"api":"<client>"}]}`,
		"providers: [<key1>\napi_keys: - <client>",
		"api_keys: {api: <client>}\nproviders: <key1>",
	} {
		_, badUpdate = config.Parse("api.yaml", []byte(c.fill(wrong)), func(string) string { return "" })
		if badUpdate == nil {
			t.Fatalf("nothing is wrong with %s", wrong)
		}
		server.log.Error("the changed configuration cannot be used", "error", badUpdate)
		ask("an update that is wrong", "POST", "/v1/api_config/update", `{"providers":[]}`, c["admin"])
	}

	// What panics with a request in its hands.
	for _, panicked = range []any{
		c["key1"], errors.New(c["key2"]), fmt.Errorf("wrapped: %w", errors.New(c["header"])), []byte(c["key1"]), []string{c["gemini"]}, map[string]any{c["claude"]: c["proxy"]},
		struct{ Header http.Header }{http.Header{"Authorization": {"Bearer " + c["key1"]}}}, &url.URL{Scheme: "http", User: url.UserPassword("u", c["password"]), Host: "h"}, &url.Error{Op: "Get", URL: "http://h?key=" + c["query"], Err: io.EOF},
	} {
		what := fmt.Sprintf("a panic with a %T", panicked)
		if told := ask(what, "GET", "/panic?key="+c["client"], "", c["client"]); !strings.Contains(told, "internal_error") {
			t.Errorf("%s: %s", what, told)
		}
	}

	// What is no HTTP.
	for _, text := range []string{
		"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer <client>\r\nno colon <client>\r\n\r\n",
		"<client>\r\n\r\n", "GET /<client> HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nHost: <client>@x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: <client>\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: <client>\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n<client>\r\n",
	} {
		raw, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		raw.SetDeadline(time.Now().Add(patience))
		io.WriteString(raw, c.fill(text))
		answer, _ := io.ReadAll(raw)
		raw.Close()
		out.Write(append(answer, '\n')) // so that the next line of the log is one
		flush()
		out.check(t, fmt.Sprintf("%.60q", text))
	}

	// All that would have told them was there to tell them, and they can be found
	// where they have to be.
	for _, message := range []string{"attempt", "attempt failed", "request", "request body", "bad request", "a request panicked; please report this", "this provider is left out"} {
		if out.seen[message] == 0 {
			t.Errorf("no line %q was written: %v", message, out.seen)
		}
	}
	for _, name := range []string{"key1", "gemini", "claude", "header", "token", "awsid", "awssession"} {
		sent := false
		for _, r := range up.requests() {
			sent = sent || strings.Contains(fmt.Sprint(r.Header), c[name])
		}
		if !sent {
			t.Errorf("no provider got %s", name)
		}
	}
	req, err := http.NewRequest("GET", "http://"+ln.Addr().String()+"/v1/api_config?reveal=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", c["admin"])
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	shown, _ := io.ReadAll(resp.Body)
	if len(in(out.bad, shown)) < len(c)-2 {
		t.Errorf("reveal=true shows only %d of %d: %s", len(in(out.bad, shown)), len(c), shown)
	}
}
