package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// agents are the clients that doctor can be, with what only they are asked about.
var agents = map[string]struct {
	steps    string
	settings string // $URL is the gateway's address
}{
	"claude-code": {"address|models|stream|tool loop|count tokens|large body", `export ANTHROPIC_BASE_URL=$URL `},
	"codex":       {"address|websocket|models|stream|tool loop|zstd body|large body", `base_url = "$URL/v1"`},
	"gemini-cli":  {"address|https|models|stream|tool loop|count tokens|large body", `export GOOGLE_GEMINI_BASE_URL=$URL `},
	"cursor":      {"address|key|internet|models|stream|tool loop|large body", `Override OpenAI Base URL:  $URL/v1`},
	"open-webui":  {"address|models|stream|tool loop|large body", `OPENAI_API_BASE_URL=$URL/v1`},
}

// How the provider speaks: a word each so often.
const (
	pace  = 60 * time.Millisecond
	words = 12
)

// works is a provider whose model calls the tool it is told of, repeats what that printed, and else says a few words,
// one after the other.
func works(w http.ResponseWriter, r seen) {
	var asked struct {
		Messages []struct{ Role, Content json.RawMessage }
		Tools    []struct{ Function struct{ Name string } }
	}
	json.Unmarshal([]byte(r.body), &asked)
	last := asked.Messages[len(asked.Messages)-1]
	w.Header().Set("Content-Type", "text/event-stream")
	say := func(delta string) {
		fmt.Fprintf(w, chatEvent, delta, "null")
		w.(http.Flusher).Flush()
	}
	switch {
	case string(last.Role) == `"tool"`:
		var printed string
		json.Unmarshal(last.Content, &printed)
		said, _ := json.Marshal(printed)
		say(`"content":` + string(said))
	case strings.Contains(string(last.Content), "secret.txt"):
		say(fmt.Sprintf(`"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":%q,"arguments":""}}]`, asked.Tools[0].Function.Name))
		say(`"tool_calls":[{"index":0,"function":{"arguments":"{\"command\":\"cat secret.txt\",\"cmd\":\"cat secret.txt\"}"}}]`)
		fmt.Fprintf(w, chatEvent, "", `"tool_calls"`)
		io.WriteString(w, "data: [DONE]\n\n")
		return
	default:
		clock := time.NewTicker(pace)
		defer clock.Stop()
		for i := range words {
			<-clock.C
			say(fmt.Sprintf(`"content":"word%d "`, i))
		}
	}
	io.WriteString(w, restEvents)
}

// doctor runs `uni-api doctor` at an address.
func (s *stage) doctor(agent, address string, args ...string) (printed string, code int) {
	s.Helper()
	printed, code = run(s.T, s.dir, []string{"UNI_API_KEY=" + clientKey}, append([]string{"doctor", agent, "--url", address}, args...)...)
	if strings.Contains(printed, clientKey) {
		s.Errorf("%s: the key is printed:\n%s", agent, printed)
	}
	return printed, code
}

// served is a stage whose first provider answers in a way.
func served(t *testing.T, f file, answer func(http.ResponseWriter, seen)) *stage {
	s := newStage(t)
	s.a.answer, s.b.answer = answer, answer
	s.write(f.text(t, inFile, "{}"))
	s.serve()
	return s
}

var stepOK = regexp.MustCompile(`(?m)^(?:ok  |note)  ([a-z ]{12}) `)

func TestDoctorFindsNothingWrongWhereAllIsWell(t *testing.T) {
	t.Parallel()
	s := served(t, file{}, works)
	for agent, want := range agents {
		t.Run(agent, func(t *testing.T) {
			t.Parallel()
			printed, code := s.doctor(agent, s.address+"/v1")
			var steps []string
			for _, m := range stepOK.FindAllStringSubmatch(printed, -1) {
				steps = append(steps, strings.TrimSpace(m[1]))
			}
			if got := strings.Join(steps, "|"); code != 0 || got != want.steps {
				t.Errorf("exit code %d, steps %q, want %q\n%s", code, got, want.steps, printed)
			}
			for _, line := range []string{"ok    stream ", "ok    tool loop ", strings.ReplaceAll(want.settings, "$URL", s.address)} {
				if !strings.Contains(printed, line) {
					t.Errorf("want %q in\n%s", line, printed)
				}
			}
		})
	}
}

func TestDoctorSendsWhatTheClientSends(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 100)
	bodies := make(chan string, 100)
	s := served(t, file{}, works)
	target, _ := url.Parse(s.address)
	onward := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got <- r.Clone(r.Context())
		bodies <- string(text)
		r.Body = body(string(text))
		onward.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	for agent, want := range map[string][]string{ // "METHOD path?query header=value", each a pattern
		"claude-code": {`HEAD / `, `GET /v1/models\?limit=1000 .*Anthropic-Version=2023-06-01`, `POST /v1/messages\?beta=true .*Anthropic-Beta=claude-code-.*"cache_control".*"tools"`,
			`POST /v1/messages\?beta=true .*"tool_result"`, `POST /v1/messages/count_tokens\?beta=true `},
		"codex":      {`GET /v1/responses .*Upgrade=websocket`, `POST /v1/responses .*"type":"custom"`, `POST /v1/responses .*"function_call_output"`, `POST /v1/responses .*Content-Encoding=zstd`},
		"gemini-cli": {`POST /v1beta/models/m:streamGenerateContent\?alt=sse X-Goog-Api-Key=.*functionDeclarations`, `POST /v1beta/models/m:streamGenerateContent\?alt=sse .*functionResponse`, `POST /v1beta/models/m:countTokens `},
		"cursor":     {`GET /v1/models `, `POST /v1/chat/completions .*"role":"tool"`},
	} {
		if printed, code := s.doctor(agent, front.URL, "--model", "m"); code != 0 {
			t.Errorf("%s: exit code %d\n%s", agent, code, printed)
		}
		var sent []string
		for len(got) > 0 {
			r := <-got
			line := r.Method + " " + r.URL.String() + " "
			for _, name := range []string{"Anthropic-Version", "Anthropic-Beta", "Upgrade", "Content-Encoding", "X-Goog-Api-Key"} {
				if value := r.Header.Get(name); value != "" {
					line += name + "=" + value + " "
				}
			}
			text := <-bodies
			sent = append(sent, line+text[:min(len(text), 4000)])
		}
		for _, pattern := range want {
			if !regexp.MustCompile(`(?m)^` + pattern).MatchString(strings.Join(sent, "\n")) {
				t.Errorf("%s sends nothing like %s", agent, pattern)
			}
		}
	}
}

// between is a proxy before the gateway, which does to an answer what it is told.
func between(t *testing.T, gateway string, change func(*http.Response) error, front func(http.Handler) http.Handler) string {
	target, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = change
	var handler http.Handler = proxy
	if front != nil {
		handler = front(proxy)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// collects reads an answer to its end before it lets go of the first byte, and says who it is.
func collects(resp *http.Response) error {
	whole, err := io.ReadAll(resp.Body)
	resp.Body = body(string(whole))
	resp.Header.Set("Server", "nginx/1.22.1")
	return err
}

// closes is the address of who takes connections, reads a request that it makes nothing of, and closes, as a port for
// TLS does.
func closes(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 4096))
			c.Close()
		}
	}()
	return "http://" + ln.Addr().String()
}

func TestDoctorNamesWhatGoesWrongOnTheWay(t *testing.T) {
	t.Parallel()
	s := served(t, file{}, works)
	plain := func(status int, text string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Server", "nginx")
				w.Header().Set("Location", "https://gateway.example/")
				w.WriteHeader(status)
				io.WriteString(w, text)
			})
		}
	}
	for name, c := range map[string]struct {
		address string
		want    string // a pattern
	}{
		"a proxy that collects": {between(t, s.address, collects, nil), `FAIL  stream .*all came at once.*nginx/1\.22\.1 collects the stream\n +change: .*proxy_buffering off`},
		"a proxy that cuts": {between(t, s.address, func(r *http.Response) error {
			if strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
				r.Body = struct {
					io.Reader
					io.Closer
				}{io.LimitReader(r.Body, 400), r.Body}
			}
			return nil
		}, nil), `FAIL  stream .*the stream broke after`},
		"a small body": {between(t, s.address, nil, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ContentLength > 1<<20 {
					io.Copy(io.Discard, r.Body)
					w.Header().Set("Server", "nginx")
					http.Error(w, "<html>too large</html>", http.StatusRequestEntityTooLarge)
					return
				}
				next.ServeHTTP(w, r)
			})
		}), `FAIL  large body   nginx refuses the body as too large \(413\)\n +change: .*client_max_body_size`},
		"a redirect":            {between(t, s.address, nil, plain(301, "")), `FAIL  address .*nginx leads to https://gateway.example/\n`},
		"a proxy's bad gateway": {between(t, s.address, nil, plain(502, "<html>502</html>")), `FAIL  models .*nginx does not reach the gateway, 502`},
		"a login":               {between(t, s.address, nil, plain(401, "<html>login</html>")), `FAIL  models .*nginx refuses with 401, and not the gateway`},
		"HTTPS is spoken there": {closes(t), `FAIL  address .*closed without an answer\n +change: https:// in --url`},
		"nobody":                {"http://127.0.0.1:1", `FAIL  address .*nobody listens at 127\.0\.0\.1:1\n`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			printed, code := s.doctor("claude-code", c.address)
			if code != 1 || !regexp.MustCompile(c.want).MatchString(printed) {
				t.Errorf("exit code %d, want %s in\n%s", code, c.want, printed)
			}
		})
	}
}

func TestDoctorNamesWhatTheProviderGetsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, seen)
		want   string
	}{
		"no tool is called": {usual, `FAIL  tool loop .*the model called no tool, it said: sunny\n +change: a model that calls tools`},
		"the tool's result is lost": {func(w http.ResponseWriter, r seen) {
			if strings.Contains(r.body, `"role":"tool"`) {
				usual(w, r)
				return
			}
			works(w, r)
		}, `FAIL  tool loop .*did not repeat what the tool printed, it said: sunny`},
		"it fails":               {fails(500, "out of order"), `FAIL  stream .*5\d\d: .*\n +change: .*the provider fails`},
		"it takes fewer tokens":  {fails(400, "max_tokens is too large: 32000"), `FAIL  stream .*400: .*max_tokens.*\n +change: CLAUDE_CODE_MAX_OUTPUT_TOKENS`},
		"it knows none of betas": {fails(400, "Unexpected value(s) for the anthropic-beta header"), `FAIL  stream .*400: .*\n +change: CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS=1`},
		"it says the key":        {fails(400, "the key "+clientKey+" is odd"), `FAIL  stream .*400: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := served(t, file{}, c.answer)
			printed, code := s.doctor("claude-code", s.address)
			if code != 1 || !regexp.MustCompile(c.want).MatchString(printed) {
				t.Errorf("exit code %d, want %s in\n%s", code, c.want, printed)
			}
		})
	}
}

func TestDoctorHearsTheSignsOfLifeInAPause(t *testing.T) {
	t.Parallel()
	s := served(t, file{preferences: "{keepalive_interval: 1}"}, func(w http.ResponseWriter, r seen) {
		pause := time.NewTimer(2500 * time.Millisecond)
		defer pause.Stop()
		if !strings.Contains(r.body, "secret.txt") {
			<-pause.C
		}
		works(w, r)
	})
	printed, code := s.doctor("claude-code", s.address)
	if code != 0 || !regexp.MustCompile(`ok    stream .*the first after [1-9]\d*\.\d s.*signs of life in between: [1-9]\d*\n`).MatchString(printed) {
		t.Errorf("exit code %d\n%s", code, printed)
	}
	if printed, code := s.doctor("claude-code", between(t, s.address, collects, nil)); code != 1 || !strings.Contains(printed, "FAIL  stream       all came at once") {
		t.Errorf("behind a proxy that collects: exit code %d\n%s", code, printed)
	}
}

func TestDoctorRefusesWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"doctor": "name a client: claude-code, codex",
		"doctor vim --url http://127.0.0.1:1 --key k":                `no client "vim"`,
		"doctor codex --key k":                                       "--url: give",
		"doctor codex --url http://127.0.0.1:1":                      "UNI_API_KEY",
		"doctor codex --url http://u:p@127.0.0.1:1 --key k":          "leave out the name and the password",
		"doctor codex --url http://127.0.0.1:1 --key k --model $(x)": "--model",
	} {
		if printed, code := run(t, t.TempDir(), nil, strings.Fields(args)...); code != 2 || !strings.Contains(printed, want) {
			t.Errorf("uni-api %s: exit code %d\n%s", args, code, printed)
		}
	}
	s := served(t, file{}, works)
	printed, code := run(t, s.dir, nil, "doctor", "cursor", "--url", s.address, "--key", "other-key-0123456789")
	if code != 1 || !strings.Contains(printed, "FAIL  key ") || !regexp.MustCompile(`FAIL  models +the gateway refuses the key, 401`).MatchString(printed) || strings.Contains(printed, "other-key-0") {
		t.Errorf("with a key that the gateway does not know: exit code %d\n%s", code, printed)
	}
}
