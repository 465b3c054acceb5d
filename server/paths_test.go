package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// guarded are the addresses for admins, by the method that they take.
var guarded = map[string]string{
	"/metrics": "GET", "/v1/stats": "GET", "/v1/explain": "GET", "/v1/api_config": "GET", "/v1/api_keys_states": "GET", "/v1/credit_history": "GET", "/v1/generate-api-key": "GET",
	"/v1/channel_key_rankings": "GET", "/v1/overview": "GET", "/v1/live": "GET", "/v1/add_credits": "POST", "/v1/api_config/update": "POST", "/v1/channels/wake": "POST", "/v1/channels/ask": "POST", "/v1/captures": "POST",
}

// spellings are the ways to write an address that some parser takes for the same.
// PATH is the address, with a slash in front, BARE without, LAST its last piece and
// DIR what is before that.
var spellings = []string{
	"PATH", "PATH/", "PATH//", "PATH/.", "PATH/..", "PATH/x/..", "/.PATH", "/./PATH", "/..PATH", "/../PATH", "/x/..PATH", "/x/../../..PATH", "//BARE", "///BARE",
	"/v1/models/..PATH", "/v1/models/../..PATH", "/v1/models/x/../../..PATH", "/dashboard/..PATH", "/healthz/..PATH", "/v1beta/models/..PATH",
	"/%2e/BARE", "/%2e%2e/BARE", "/x/%2e%2ePATH", "/x/%2E%2EPATH", "/x/.%2ePATH", "/x%2f..PATH", "/x%2f%2e%2ePATH", "/x%5c..PATH", "/x\\..PATH", "/dashboard/%2e%2ePATH",
	"/dashboard%2f..PATH", "/healthz%2f..PATH", "/v1/models%2f..%2f..PATH", "/v1/models/%2e%2e/%2e%2ePATH", "/%252e%252ePATH", "/v1/models/%252e%252e/%252e%252ePATH", "/x/%252e%252e/BARE",
	"DIR%2fLAST", "DIR%2FLAST", "DIR%252fLAST", "DIR\\LAST", "DIR%5cLAST", "DIR/%2e/LAST", "DIR/;/LAST", "DIR;x=y/LAST", "PATH;x=y", "PATH;", "PATH%3bx", "/;x/BARE", "/x;/..PATH",
	"PATH%00", "PATH%20", "PATH%09", "PATH%0a", "PATH%0d%0a", "PATH%3f", "PATH%3fx=y", "PATH?", "PATH?x=/../y", "PATH%23", "PATH&x", "PATH,", "PATH.json", "PATH%", "PATH%2", "PATH%zz", "PATH*", "PATH~",
	"/v1PATH", "/v1/v1PATH", "/v1/v1/v1PATH", "/v1alphaPATH", "/v1betaPATH", "/v1beta/v1PATH", "/dashboardPATH", "/v1/modelsPATH", "/v1/chat/completionsPATH",
	"http://gatewayPATH", "HTTP://GATEWAYPATH", "http://gateway/x/..PATH", "http://gateway//BARE", "http://gateway/%2e%2ePATH",
	"/v1/models/x:generateContent/../..PATH", "/v1beta/models/..PATH:generateContent", "/v1beta/models/%2e%2ePATH:generateContent", "/v1/models/m%2f..%2f..PATH",
}

func spelling(form, path string) string {
	at := strings.LastIndexByte(path, '/')
	return strings.NewReplacer("PATH", path, "BARE", path[1:], "DIR", path[:at], "LAST", path[at+1:]).Replace(form)
}

// However an admin's address is written, nobody gets behind it without the key that
// it asks for.
func TestAddressIsAuthorisedAsItIsRouted(t *testing.T) {
	t.Parallel()
	const adminKey, userKey = "sk-admin-0123456789abcdefghijklmno", "sk-user-0123456789abcdefghijklmnop"
	up := listen(t, both)
	g := start(t, providerOf("p", up), "api_keys:\n  - {api: "+adminKey+", role: admin}\n  - {api: "+userKey+", role: user}\n")
	var c *client // as long as the gateway keeps it: thousands of connections would take most of the test's time
	ask := func(method, target, key string) answer {
		if c == nil {
			c = g.dial()
		}
		c.SetDeadline(time.Now().Add(patience))
		auth := ""
		if key != "" {
			auth = "Authorization: Bearer " + key + "\r\n"
		}
		c.send(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: gateway\r\n%sContent-Length: 2\r\n\r\n{}", method, target, auth))
		resp, err := http.ReadResponse(c.br, &http.Request{Method: strings.ToUpper(method)})
		if err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
		if resp.Close {
			c.Close()
			c = nil
		}
		return answer{resp, string(text)}
	}
	before := *g.snapshot.Load()
	reached := 0
	for path, method := range guarded {
		for _, form := range append([]string{strings.ToUpper(path), "/v1" + strings.ToUpper(path[:2]) + path[2:]}, spellings...) {
			target := spelling(form, path)
			asked := len(up.requests())
			for _, method := range []string{"GET", "POST", "HEAD", "PUT", "get"} {
				for _, key := range []string{"", userKey} {
					a := ask(method, target, key)
					harmless := strings.HasPrefix(a.body, `{"object":"list"`) || strings.HasPrefix(a.body, "<!") || strings.Contains(a.body, `"name":"uni-api"`) || strings.HasPrefix(a.body, `{"status":`) || method == "HEAD" && a.body == ""
					if a.StatusCode < 400 && a.StatusCode != 308 && !harmless {
						t.Errorf("%s %s with key %q: %d %.200s", method, target, key, a.StatusCode, a.body)
					}
					if strings.Contains(a.body, "uniapi_") || strings.Contains(a.body, upstreamKeyText) || strings.Contains(a.body, "127.0.0.1:") {
						t.Errorf("%s %s with key %q tells too much: %.200s", method, target, key, a.body)
					}
				}
			}
			if now := up.requests()[asked:]; len(now) > 0 {
				t.Errorf("%s %s asked a provider without an admin's key: %v", method, target, now)
			}
			if ask(method, target, adminKey).StatusCode < 400 {
				reached++
			}
		}
	}
	if reached < len(guarded) { // or the test would find nothing whatever happens
		t.Errorf("an admin reached only %d", reached)
	}
	if g.snapshot.Load().config != before.config {
		t.Error("the configuration was changed")
	}
}

// A model in an address is looked up as it is authorised, however it is written.
func TestModelInAnAddressIsAuthorisedAsItIsRouted(t *testing.T) {
	const userKey = "sk-user-0123456789abcdefghijklmnop"
	up := listen(t, both)
	g := start(t, providerOf("p", up, "    model: [m, secret-model, dir/m]\n"), "api_keys:\n  - {api: "+userKey+", role: user, model: [m, dir/m]}\n  - {api: "+clientKeyText+", role: admin}\n")
	for _, name := range []string{
		"secret-model", "m/../secret-model", "m/%2e%2e/secret-model", "m%2f..%2fsecret-model", "m%252f%252e%252e%252fsecret-model", "secret%2dmodel", "secret%252dmodel", "secret%25252dmodel",
		"./secret-model", "%2e/secret-model", "//secret-model", "models/secret-model", "m;/../secret-model", "m/..;/secret-model", "m\\..\\secret-model", "SECRET-MODEL", "secret-model%00", "secret-model%20",
		"m:generateContent/../secret-model", "m%3agenerateContent/../secret-model", "p/secret-model", "m,secret-model", "m?model=secret-model&x=", "m%3fmodel=secret-model",
	} {
		for _, base := range []string{"/v1beta/models/", "/v1/models/", "/v1alpha/models/", "//v1beta//models/", "/models/"} {
			for _, verb := range []string{":generateContent", ":streamGenerateContent", ":countTokens", "%3AgenerateContent", "%253AgenerateContent"} {
				c := g.dial()
				body := `{"contents":[{"parts":[{"text":"hi"}]}]}`
				c.send(fmt.Sprintf("POST %s%s%s HTTP/1.1\r\nHost: gateway\r\nX-Goog-Api-Key: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", base, name, verb, userKey, len(body), body))
				a := c.answer()
				for _, r := range up.requests() {
					if strings.Contains(r.body+r.RequestURI, "secret") {
						t.Fatalf("%s%s%s reached %s %s", base, name, verb, r.RequestURI, r.body)
					}
				}
				if a.StatusCode == 500 {
					t.Errorf("%s%s%s: %s", base, name, verb, a.body)
				}
			}
		}
		if a := g.do("GET", "/v1/models/"+strings.ReplaceAll(name, "?", "%3F"), "", "Authorization", "Bearer "+userKey); strings.Contains(a.body, `"id":"secret-model"`) {
			t.Errorf("GET %s: %s", name, a.body)
		}
	}
}

// A client must not be able to make the gateway speak to a host of its choice, least
// of all with a provider's key.
func TestClientCannotChooseTheUpstreamsAddress(t *testing.T) {
	t.Parallel()
	canary, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer canary.Close()
	called := make(chan string, 100)
	go func() {
		for {
			c, err := canary.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			called <- string(b[:n])
			c.Close()
		}
	}()
	where := canary.Addr().String()
	up := listen(t, func(p *peer, r seen) bool {
		if strings.Contains(r.body, "redirect") {
			p.say("HTTP/1.1 307 Elsewhere\r\nLocation: http://" + where + "/v1/chat/completions\r\nContent-Length: 0\r\n\r\n")
			return true
		}
		return both(p, r)
	})
	gemini := "  - provider: g\n    base_url: http://" + up.addr + "/v1beta\n    engine: gemini\n    api: " + upstreamKeyText + "\n    model: [gem]\n"
	claude := "  - provider: c\n    base_url: http://" + up.addr + "/v1/messages\n    engine: claude\n    api: " + upstreamKeyText + "\n    model: [claude]\n"
	g := start(t, providerOf("p", up, "    preferences:\n      passthrough_request_headers: [Host, X-Forwarded-Host, Forwarded]\n"), gemini, claude)
	auth := "Authorization: Bearer " + clientKeyText + "\r\n"
	chat := func(model, more string) string {
		return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]%s}`, model, more)
	}
	const path = "/v1/chat/completions"
	for _, c := range []struct{ name, target, header, body string }{
		{"Host", path, "Host: CANARY\r\n", chat("m", "")},
		{"the target", "http://CANARY" + path, "Host: CANARY\r\n", chat("m", "")},
		{"the target, with a user", "http://gateway@CANARY" + path, "Host: gateway\r\n", chat("m", "")},
		{"two slashes", "//CANARY" + path, "Host: gateway\r\n", chat("m", "")},
		{"X-Forwarded-Host", path, "Host: gateway\r\nX-Forwarded-Host: CANARY\r\n", chat("m", "")},
		{"Forwarded", path, "Host: gateway\r\nForwarded: host=CANARY;for=CANARY\r\n", chat("m", "")},
		{"other proxies' headers", path, "Host: gateway\r\nX-Original-URL: http://CANARY/\r\nX-Rewrite-URL: http://CANARY/\r\nX-Base-Url: http://CANARY\r\nX-Upstream: CANARY\r\nProxy: http://CANARY\r\nX-Host: CANARY\r\nX-Forwarded-Server: CANARY\r\nReferer: http://CANARY/\r\n", chat("m", "")},
		{"Azure's and OpenAI's habits", path, "Host: gateway\r\nX-Target-Url: http://CANARY\r\nX-Portkey-Custom-Host: http://CANARY\r\nHelicone-Target-Url: http://CANARY\r\n", chat("m", "")},
		{"the query", path + "?base_url=http://CANARY&url=http://CANARY&proxy=http://CANARY&host=CANARY&api_base=http://CANARY", "Host: gateway\r\n", chat("m", "")},
		{"the body", path, "Host: gateway\r\n", chat("m", `,"base_url":"http://CANARY","api_base":"http://CANARY","proxy":"http://CANARY","provider":"http://CANARY","url":"http://CANARY"`)},
		{"the model", path, "Host: gateway\r\n", chat("http://CANARY/m", "")},
		{"the model, with a user", path, "Host: gateway\r\n", chat("m@CANARY", "")},
		{"the model, with slashes", path, "Host: gateway\r\n", chat("//CANARY/m", "")},
		{"Gemini's model", "/v1beta/models/http:%2f%2fCANARY%2fgem:generateContent", "Host: gateway\r\n", `{"contents":[{"parts":[{"text":"hi"}]}]}`},
		{"Gemini's model, behind it", "/v1beta/models/gem@CANARY:generateContent", "Host: gateway\r\n", `{"contents":[{"parts":[{"text":"hi"}]}]}`},
		{"Gemini's query", "/v1beta/models/gem:generateContent?alt=http://CANARY&$httpMethod=http://CANARY", "Host: gateway\r\n", `{"contents":[{"parts":[{"text":"hi"}]}]}`},
		{"Gemini's file", "/v1beta/models/gem:generateContent", "Host: gateway\r\n", `{"contents":[{"parts":[{"fileData":{"fileUri":"http://CANARY/x.png","mimeType":"image/png"}}]}]}`},
		{"an image's address", path, "Host: gateway\r\n", `{"model":"gem","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://CANARY/x.png"}}]}]}`},
		{"an image's address, as a number", path, "Host: gateway\r\n", `{"model":"gem","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://2130706433:CANARYPORT/x.png"}}]}]}`},
		{"an image's address, of the other IP", path, "Host: gateway\r\n", `{"model":"gem","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://[::ffff:127.0.0.1]:CANARYPORT/x.png"}}]}]}`},
		{"a file's address", path, "Host: gateway\r\n", `{"model":"claude","messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"http://CANARY/x.pdf"}}]}]}`},
		{"a redirect of the provider's", path, "Host: gateway\r\n", chat("m", `,"user":"redirect"`)},
		{"the health check", "/healthz?url=http://CANARY", "Host: CANARY\r\n", ""},
		{"the models", "/v1/models?base_url=http://CANARY", "Host: CANARY\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, port, _ := net.SplitHostPort(where)
			fill := strings.NewReplacer("CANARYPORT", port, "CANARY", where).Replace
			client := g.dial()
			body := fill(c.body)
			method := "POST"
			if body == "" {
				method = "GET"
			}
			client.send(fmt.Sprintf("%s %s HTTP/1.1\r\n%s%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", method, fill(c.target), fill(c.header), auth, len(body), body))
			resp, err := http.ReadResponse(client.br, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			for _, r := range up.requests() {
				if r.Host != up.addr || strings.Contains(r.RequestURI, where) {
					t.Errorf("the provider got Host %q, %s", r.Host, r.RequestURI)
				}
			}
			select {
			case text := <-called:
				t.Errorf("the host was called: %q", text)
			default:
			}
		})
	}
}

// A key is looked up by its hash: no comparison with a secret tells by its time how
// much of a guess was right.
func TestKeysAreLookedUpByTheirHashes(t *testing.T) {
	keys := keyIndex{}
	keys.add(&clientKey{APIKey: parseConfig(t, "").APIKeys[0]})
	for hash := range keys {
		if len(hash) != 32 || strings.Contains(clientKeyText, string(hash[:])) || strings.Contains(string(hash[:]), "sk-") {
			t.Errorf("the index holds %x", hash)
		}
	}
	var ctx fasthttp.RequestCtx
	for _, guess := range []string{clientKeyText[:len(clientKeyText)-1], clientKeyText + "\x00", strings.ToUpper(clientKeyText), " " + clientKeyText[1:]} {
		ctx.Request.Header.Set("X-Api-Key", guess)
		if keys.find(&ctx) != nil {
			t.Errorf("%q is a key", guess)
		}
	}
	ctx.Request.Header.Set("X-Api-Key", clientKeyText)
	if keys.find(&ctx) == nil {
		t.Error("the key is none")
	}
	if n := testing.AllocsPerRun(100, func() { keys.find(&ctx) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
