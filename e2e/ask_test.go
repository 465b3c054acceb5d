package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// asking runs `uni-api check --ask` with providers, and returns the lines of what was asked, without how long each
// took.
func asking(t *testing.T, providers string, flags ...string) (lines []string, printed string, code int) {
	t.Helper()
	dir := t.TempDir()
	file := "providers:\n" + providers + "api_keys: [{api: " + clientKey + ", role: admin}]\n"
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	printed, code = run(t, dir, []string{"NO_PROXY=*"}, append([]string{"check", "--ask"}, flags...)...)
	_, asked, _ := strings.Cut(printed, "asked, in the order of the file:\n")
	for _, line := range strings.Split(strings.TrimSpace(asked), "\n") {
		line = regexp.MustCompile(` +\d+\.\d\ds `).ReplaceAllString(line, " ")
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines, printed, code
}

// entry is a provider of the file.
func entry(name, address, more string) string {
	return fmt.Sprintf("  - {provider: %s, base_url: %q, %s}\n", name, address, more)
}

func TestCheckAskTellsWhatEachProviderAndKeyAnswers(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, "up", &journal{})
	up.answer = func(w http.ResponseWriter, r seen) {
		switch {
		case strings.Contains(r.URL.Path, "/wrong/"):
			fails(404, "there is nothing here")(w, r)
		case strings.Contains(r.URL.Path, "/login/"):
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>please log in</html>")
		case r.Header.Get("Authorization") == "Bearer "+keyOfB:
			fails(401, "Incorrect API key provided: "+keyOfB)(w, r)
		default:
			usual(w, r)
		}
	}
	const dead = "127.0.0.1:1" // a port that no other test gets
	const masked = "sk-…nopq"  // both keys end so
	refused := "m 401 the provider refused the key configured for it (status 401): Incorrect API key provided: " + masked + " (asked at U/v1/chat/completions)"
	for name, c := range map[string]struct {
		providers string
		want      []string // lines, of which U is the upstream's address and D a dead one
		code      int
	}{
		"all is well": {entry("fine", up.url+"/v1/chat/completions", "api: "+keyOfA+", model: [m]"),
			[]string{"fine " + masked + " m 200 good", "1 of 1 answered well"}, 0},
		"a key that is refused": {entry("bad", up.url+"/v1/chat/completions", "api: "+keyOfB+", model: [m]"),
			[]string{"bad " + masked + " " + refused, "0 of 1 answered well"}, 1},
		"one key of two": {entry("two", up.url+"/v1/chat/completions", "api: ["+keyOfB+", "+keyOfA+"], model: [m]"),
			[]string{"two key 1 " + masked + " " + refused, "two key 2 " + masked + " m 200 good", "1 of 2 answered well"}, 1},
		"a wrong path": {entry("lost", up.url+"/wrong/v1/chat/completions?token=0123456789", "api: "+keyOfA+", model: [m]"),
			[]string{"lost " + masked + " m 404 there is nothing here (asked at U/wrong/v1/chat/completions?…)", "0 of 1 answered well"}, 1},
		"a page in place of an answer": {entry("portal", up.url+"/login/v1/chat/completions", "api: "+keyOfA+", model: [m]"),
			[]string{"portal " + masked + " m 200 the upstream answered with an HTML page (asked at U/login/v1/chat/completions)", "0 of 1 answered well"}, 1},
		"a host that is dead": {entry("dead", "http://"+dead+"/v1/chat/completions", "api: "+keyOfA+", model: [m]"),
			[]string{"dead " + masked + " m - Unable to connect to the provider: connection refused (connecting to HOST: dial tcp HOST: connect: connection refused) (asked at D/v1/chat/completions)", "0 of 1 answered well"}, 1},
		"Anthropic": {entry("claude", up.url+"/v1/messages", "api: "+keyOfA+", model: [claude-sonnet-4-5]"),
			[]string{"claude " + masked + " claude-sonnet-4-5 200 good", "1 of 1 answered well"}, 0},
		"Gemini": {entry("gemini", up.url+"/v1beta", "api: "+keyOfA+", model: [gemini-2.5-flash]"),
			[]string{"gemini " + masked + " gemini-2.5-flash 200 good", "1 of 1 answered well"}, 0},
		"Responses": {entry("responses", up.url+"/v1/responses", "model: [{gpt-5: five}]"),
			[]string{"responses - gpt-5 200 good", "1 of 1 answered well"}, 0},
		"embeddings": {entry("vectors", up.url+"/v1/chat/completions", "api: "+keyOfA+", model: [text-embedding-3-small]"),
			[]string{"vectors " + masked + " text-embedding-3-small 200 good", "1 of 1 answered well"}, 0},
		"images": {entry("pictures", up.url+"/v1/chat/completions", "api: "+keyOfA+", model: [dall-e-3]"),
			[]string{"pictures - - not asked: its models are for images alone", "0 of 0 answered well"}, 0},
		"a chat among others": {entry("mixed", up.url+"/v1/chat/completions", "api: "+keyOfA+", model: [dall-e-3, text-embedding-3-small, gpt-4o]"),
			[]string{"mixed " + masked + " gpt-4o 200 good", "1 of 1 answered well"}, 0},
		"models that are listed": {entry("listing", up.url+"/v1/chat/completions", "api: "+keyOfA),
			[]string{"listing " + masked + " m 200 good", "1 of 1 answered well"}, 0},
		"no list of models": {entry("unlisted", up.url+"/wrong/v1/chat/completions", "api: "+keyOfA),
			[]string{"unlisted - - - its list of models could not be read: U/wrong/v1/models answered status 404; name the provider's models under model", "0 of 1 answered well"}, 1},
		"several providers": {entry("one", up.url+"/v1/chat/completions", "api: "+keyOfA+", model: [m]") + entry("other", up.url+"/v1/messages", "api: "+keyOfA+", model: [m]"),
			[]string{"one " + masked + " m 200 good", "other " + masked + " m 200 good", "2 of 2 answered well"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines, printed, code := asking(t, c.providers)
			got := strings.NewReplacer(up.url, "U", "http://"+dead, "D", dead, "HOST").Replace(strings.Join(lines, "\n"))
			if want := strings.Join(c.want, "\n"); got != want || code != c.code {
				t.Errorf("exit code %d, want %d, lines\n%s\nwant\n%s", code, c.code, got, want)
			}
			if strings.Contains(printed, keyOfA) || strings.Contains(printed, keyOfB) || strings.Contains(printed, "0123456789\n") {
				t.Errorf("a secret is printed:\n%s", printed)
			}
		})
	}
}

func TestCheckAskWaitsForAHostThatHangsOnlySoLong(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, "up", &journal{})
	up.answer = func(_ http.ResponseWriter, r seen) { <-r.Context().Done() }
	began := time.Now()
	lines, _, code := asking(t, entry("hung", up.url+"/v1/chat/completions", "api: ["+keyOfA+", "+keyOfB+"], model: [m]"), "--ask-timeout", "1s")
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	const want = " sk-…nopq m - no whole answer within 1s (asked at U/v1/chat/completions)"
	if got := strings.ReplaceAll(strings.Join(lines, "\n"), up.url, "U"); code != 1 || got != "hung key 1"+want+"\nhung key 2"+want+"\n0 of 2 answered well" {
		t.Errorf("exit code %d, lines\n%s", code, got)
	}
}

func TestCheckAskSendsWhatServingWouldWithTheLeastRoomForAnAnswer(t *testing.T) {
	t.Parallel()
	const settings = ", preferences: {headers: {X-Team: blue}, post_body_parameter_overrides: {seed: 7}}"
	up := newUpstream(t, "up", &journal{})
	up.answer = func(w http.ResponseWriter, r seen) {
		if r.member("max_tokens") == "1" && r.member("model") == `"thinker"` {
			fails(400, "Could not finish the message because max_tokens or model output limit was reached.")(w, r)
			return
		}
		usual(w, r)
	}
	for model, want := range map[string][]string{"m": {"1"}, "thinker": {"1", "1024"}} {
		before := len(up.requests())
		lines, _, code := asking(t, entry("up", up.url+"/v1/chat/completions", "api: "+keyOfA+", model: [{"+model+": alias}]"+settings))
		var room []string
		for _, r := range up.requests()[before:] {
			room = append(room, r.member("max_tokens"))
			if r.Header.Get("X-Team") != "blue" || r.member("seed") != "7" || r.member("model") != `"`+model+`"` || r.Header.Get("Authorization") != "Bearer "+keyOfA {
				t.Errorf("%s: it was asked %s with %v", model, r.body, r.Header)
			}
		}
		if code != 0 || strings.Join(room, " ") != strings.Join(want, " ") {
			t.Errorf("%s: exit code %d, max_tokens %q, want %q; lines %q", model, code, room, want, lines)
		}
	}
}

func TestCheckAskGoesByTheProviderSProxy(t *testing.T) {
	t.Parallel()
	up, proxy := newUpstream(t, "up", &journal{}), newUpstream(t, "proxy", &journal{})
	proxy.answer = fails(502, "the proxy is out of order")
	lines, printed, code := asking(t, entry("up", up.url+"/v1/chat/completions", "api: "+keyOfA+", model: [m], preferences: {proxy: \"http://user:the-proxy-password@"+strings.TrimPrefix(proxy.url, "http://")+"\"}"))
	if code != 1 || len(up.requests()) != 0 || len(proxy.requests()) == 0 || !strings.Contains(lines[0], "502") || !strings.Contains(lines[0], "/v1/chat/completions via ") || strings.Contains(printed, "the-proxy-password") {
		t.Errorf("exit code %d; the proxy was asked %d times; printed\n%s", code, len(proxy.requests()), printed)
	}
}

func TestCheckWithoutAskSendsNothing(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, "up", &journal{})
	dir := t.TempDir()
	file := "providers:\n" + entry("up", up.url+"/v1/chat/completions", "api: "+keyOfA) + "api_keys: [{api: " + clientKey + "}]\n"
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if printed, code := run(t, dir, nil, "check"); code != 0 || len(up.requests()) != 0 {
		t.Errorf("exit code %d, %d requests\n%s", code, len(up.requests()), printed)
	}
	if printed, code := run(t, dir, nil, "check", "--ask", "--ask-timeout", "0s"); code != 2 || len(up.requests()) != 0 {
		t.Errorf("a timeout of 0: exit code %d, %d requests\n%s", code, len(up.requests()), printed)
	}
}
