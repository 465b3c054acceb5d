package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"uniapi/balancer"
	"uniapi/config"
	"uniapi/pool"
)

// provocation is what a client key can have an upstream answer by what it sends:
// its content, its size, its parameters, the ids and addresses in it.
type provocation struct {
	name string
	in   []*dialect // nil is all of spoken
	// play answers a request that provokes.
	play func(p *peer, d *dialect, stream bool) bool
	// harmless says that nothing rests for it, not even for the client key.
	harmless bool
	of       string // "key" or "channel": what rests if it is the provider's fault after all; "" is what cannot be
}

const (
	poison      = "POISON"
	longThought = "a long thought"
)

// complains makes an upstream refuse in the words of its format.
func complains(status int, kind, code, message string, header ...string) func(*peer, *dialect, bool) bool {
	return func(p *peer, d *dialect, _ bool) bool {
		body := fmt.Sprintf(`{"error":{"message":%q,"type":%q,"code":%q,"param":null}}`, message, kind, code)
		switch d {
		case messagesDialect:
			body = fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%q}}`, kind, message)
		case googleDialect:
			body = fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q}}`, status, message, strings.ToUpper(kind))
		}
		answer := reply(status, jsonKind, body)
		if len(header) > 0 {
			answer = strings.Replace(answer, "\r\n", "\r\n"+strings.Join(header, "\r\n")+"\r\n", 1)
		}
		p.say(answer)
		return true
	}
}

// shows makes an upstream answer with a page.
func shows(status int, title string) func(*peer, *dialect, bool) bool {
	return func(p *peer, _ *dialect, _ bool) bool {
		p.say(reply(status, "text/html", "<!DOCTYPE html><html><head><title>"+title+"</title></head><body></body></html>"))
		return true
	}
}

// answers makes an upstream say a text, whole or as a stream.
func answers(words ...string) func(*peer, *dialect, bool) bool {
	return func(p *peer, d *dialect, stream bool) bool {
		if !stream {
			p.say(reply(200, jsonKind, d.whole(strings.Join(words, ""))))
			return true
		}
		p.say(streamHead)
		for _, e := range d.events(words) {
			p.say(chunk(e))
		}
		p.say(chunk(""))
		return true
	}
}

// begins makes an upstream break off what it has begun to say.
func begins(end string) func(*peer, *dialect, bool) bool {
	return func(p *peer, d *dialect, stream bool) bool {
		if !stream {
			p.say(strings.TrimSuffix(reply(200, jsonKind, d.whole("half")), "}"))
			return false
		}
		p.say(streamHead)
		events := d.events([]string{"one ", "two "})
		for _, e := range events[:max(1, len(events)-2)] {
			p.say(chunk(e))
		}
		p.say(end)
		return false
	}
}

var provocations = []provocation{
	{name: "more than a minute's tokens, at OpenAI", in: []*dialect{chatDialect, responsesDialect}, harmless: true, play: complains(429, "tokens", "rate_limit_exceeded",
		"Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 250000. The input or output tokens must be reduced in order to run successfully.")},
	{name: "more than a minute's tokens, at Groq", in: []*dialect{chatDialect}, harmless: true, play: complains(413, "tokens", "rate_limit_exceeded",
		"Request too large for model `llama` in organization `org_x` on tokens per minute (TPM): Limit 12000, Requested 14137, please reduce your message size and try again.")},
	{name: "more than a minute's tokens, at Anthropic", in: []*dialect{messagesDialect}, harmless: true, play: complains(429, "rate_limit_error", "",
		"This request would exceed your organization's rate limit of 9 input tokens per minute (org: x, model: claude).", "Retry-After: 60")},
	{name: "a long context on a subscription of Anthropic's", in: []*dialect{messagesDialect}, harmless: true, play: complains(429, "rate_limit_error", "",
		"Extra usage is required for long context requests.")},
	{name: "more than a minute's tokens, at Gemini", in: []*dialect{googleDialect}, harmless: true, play: complains(429, "resource_exhausted", "",
		"You exceeded your current quota.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, limit: 9, model: gemini\nPlease retry in 45s.")},
	{name: "more than a minute's tokens, at Azure, which does not say so", of: "key", play: complains(429, "", "429",
		"Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-08-01-preview have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 86400 seconds.", "Retry-After: 86400")},
	{name: "more than the credit pays", harmless: true, play: complains(402, "", "402",
		"This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 3030.")},
	{name: "a body larger than a proxy takes", harmless: true, play: shows(413, "413 Request Entity Too Large</title><center>nginx</center><title>")},
	{name: "a header larger than a proxy takes", harmless: true, play: shows(400, "400 Request Header Or Cookie Too Large</title><center>nginx</center><title>")},
	{name: "a prompt that is too long", harmless: true, play: complains(400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens.")},
	{name: "a file that was made up", in: []*dialect{chatDialect, responsesDialect}, harmless: true, play: complains(404, "invalid_request_error", "", "No such File object: file-abc")},
	{name: "a file that was made up, at Anthropic", in: []*dialect{messagesDialect}, harmless: true, play: complains(404, "not_found_error", "", "File not found: file_abc")},
	{name: "a file that was made up, at Gemini", in: []*dialect{googleDialect}, harmless: true, play: complains(403, "permission_denied", "", "You do not have permission to access the File abc or it may not exist.")},
	{name: "a cache that was made up, at Gemini", in: []*dialect{googleDialect}, harmless: true, play: complains(403, "permission_denied", "", "CachedContent not found (or permission denied)")},
	{name: "an earlier response that was made up", in: []*dialect{responsesDialect}, harmless: true, play: complains(400, "invalid_request_error", "previous_response_not_found", "Previous response with id 'resp_x' not found.")},
	{name: "a vector store that was made up", in: []*dialect{responsesDialect}, harmless: true, play: complains(404, "invalid_request_error", "", "Vector store with id [vs_x] not found.")},
	{name: "something that was made up and is not told", of: "channel", play: complains(404, "not_found", "", "Requested entity was not found.")},
	{name: "a prompt against the rules of xAI", harmless: true, play: complains(403, "permission_denied", "permission-denied", "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO")},
	{name: "a prompt against the rules, refused as 400", harmless: true, play: complains(400, "invalid_request_error", "content_policy_violation", "flagged")},
	{name: "a prompt that a firewall does not like", of: "channel", play: shows(403, "Attention Required! | Cloudflare")},
	{name: "a word that the refusal repeats", harmless: true, play: complains(400, "invalid_request_error", "invalid_value", "Invalid value: 'insufficient_quota'. Supported values are: 'system' and 'user'.")},
	{name: "a header that makes the key another's", of: "key", play: complains(401, "authentication_error", "mismatched_organization", "OpenAI-Organization header should match organization for API key")},
	{name: "a beta that the key may not use", of: "key", play: complains(403, "permission_error", "", "Your API key does not have permission to use the specified resource.")},
	{name: "a quota that others do not need", of: "key", play: complains(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota.")},
	{name: "a temperature of 9", harmless: true, play: complains(422, "invalid_request_error", "", "temperature must be below 2")},
	{name: "a schema that the server chokes on", of: "channel", play: complains(500, "internal_server_error", "", "unsupported regex in json schema")},
	{name: "an image that the server cannot fetch", of: "channel", play: complains(502, "api_error", "", "could not fetch the image")},
	{name: "a request that a worker dies of", of: "channel", play: func(p *peer, _ *dialect, _ bool) bool { p.reset(); return false }},
	{name: "a request that takes too long for a proxy", of: "channel", play: shows(504, "504 Gateway Time-out")},
	{name: "a request that is busy already", of: "channel", play: complains(409, "conflict", "", "a request with this idempotency key is under way")},
	{name: "nothing said, as it was asked for", of: "channel", play: answers()},
	{name: "a trigger said, as it was asked for", of: "channel", play: answers("the usage is covered by ", "nobody")},
	{name: longThought, of: "channel", play: func(p *peer, _ *dialect, _ bool) bool { p.gone(); return false }},
	{name: "an error in the place of an answer", of: "channel", play: complains(200, "api_error", "", "the tool could not be run")},
	{name: "an answer that breaks off", of: "channel", play: begins("")},
	{name: "a stream with an event that cannot be read", of: "channel", play: begins(chunk("data: {\"cut\n\n"))},
}

// tried is where a request came to: a provider and its key.
type tried struct {
	mu   sync.Mutex
	seen []string
}

func (w *tried) note(at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, at)
}

// since takes what was seen since it was called last. What is asked again at once
// over another connection is one attempt.
func (w *tried) since() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := slices.Compact(w.seen)
	w.seen = nil
	return seen
}

// town is a gateway between client keys and two providers of a format, p before q,
// with two keys each, p1 before p2. A request says what it provokes, at p or at both.
type town struct {
	*gateway
	d     *dialect
	tried *tried
}

func newTown(t *testing.T, d *dialect, provoked string, clients ...string) *town {
	w := &tried{}
	section := func(name string) string {
		up := listen(t, func(p *peer, r seen) bool {
			headers := fmt.Sprint(r.Header, r.URL.RawQuery)
			for _, key := range []string{"1", "2"} {
				if strings.Contains(headers, "sk-"+name+key+"-0123456789abcdef") {
					w.note(name + key)
				}
			}
			stream := wantsStream(r) || strings.Contains(r.URL.Path, ":stream")
			for i := range provocations {
				if strings.Contains(provoked, name) && strings.Contains(r.body, fmt.Sprintf("%s %d.", poison, i)) {
					return provocations[i].play(p, d, stream)
				}
			}
			return answers("well")(p, d, stream)
		})
		var models []string
		for i := range provocations {
			models = append(models, fmt.Sprint("m", i), fmt.Sprint("s", i))
		}
		return fmt.Sprintf("  - provider: %s\n    base_url: http://%[2]s%[3]s\n    api: [sk-%[1]s1-0123456789abcdef, sk-%[1]s2-0123456789abcdef]\n    model: [%[4]s]\n    preferences: {api_key_schedule_algorithm: fixed_priority}\n",
			name, up.addr, d.at, strings.Join(models, ", "))
	}
	keys := "api_keys:\n"
	for _, c := range clients {
		keys += fmt.Sprintf("  - api: sk-%s-0123456789abcdef\n    role: %s\n    model: [all]\n    preferences: {SCHEDULING_ALGORITHM: fixed_priority}\n", c, strings.TrimRight(c, "0123456789"))
	}
	long := slices.IndexFunc(provocations, func(p provocation) bool { return p.name == longThought })
	return &town{start(t, section("p"), section("q"), keys, "preferences:\n  cooldown_period: 300\n  error_triggers: [\"usage is covered by\"]\n"+
		fmt.Sprintf("  timeout_policy: {rules: [{match: {role: evil, model: [m%d, s%[1]d]}, timeout: 0.2}]}\n", long)), d, w}
}

// ask sends a request of a client key and tells where it came to.
func (w *town) ask(client, model string, stream bool, text string) []string {
	w.t.Helper()
	path, body := w.d.ask(model, stream, text)
	resp, err := w.http.Do(w.request("POST", path, body, "Authorization", "Bearer sk-"+client+"-0123456789abcdef"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	io.Copy(&b, resp.Body) // it may break off
	if text == "hello" && (resp.StatusCode != 200 || !strings.Contains(b.String(), "well")) {
		w.t.Errorf("%s asks for %s and gets %d %s", client, model, resp.StatusCode, b.String())
	}
	return w.tried.since()
}

func (p *provocation) dialects() []*dialect {
	if p.in == nil {
		return spoken
	}
	return p.in
}

func streamModel(stream bool, i int) string {
	if stream {
		return fmt.Sprint("s", i)
	}
	return fmt.Sprint("m", i)
}

func TestWhatAClientProvokesRestsNothingForOthers(t *testing.T) {
	t.Parallel()
	for _, d := range spoken {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			clients := []string{"good", "better"}
			for i := range 2 * len(provocations) {
				clients = append(clients, fmt.Sprint("evil", i))
			}
			w := newTown(t, d, "pq", clients...)
			for i, p := range provocations {
				for n, stream := range []bool{false, true} {
					if !slices.Contains(p.dialects(), d) {
						continue
					}
					what, model, evil := p.name+", "+kindOfStream(stream), streamModel(stream, i), fmt.Sprint("evil", 2*i+n)
					if at := w.ask("good", model, stream, "hello"); !slices.Equal(at, []string{"p1"}) {
						t.Fatalf("before %s: served by %v", what, at)
					}
					if at := w.ask(evil, model, stream, fmt.Sprintf("%s %d.", poison, i)); len(at) == 0 || at[0] != "p1" {
						t.Fatalf("%s is sent to %v", what, at)
					}
					for _, client := range []string{"better", "good", "better"} {
						if at := w.ask(client, model, stream, "hello"); !slices.Equal(at, []string{"p1"}) {
							t.Errorf("after %s of another key %s is served by %v", what, client, at)
						}
					}
					if !p.harmless {
						continue
					}
					if at := w.ask(evil, model, stream, "hello"); !slices.Equal(at, []string{"p1"}) {
						t.Errorf("after %s its own key is served by %v", what, at)
					}
				}
			}
		})
	}
}

func TestWhatTwoClientKeysMeetIsTheProvidersFault(t *testing.T) {
	t.Parallel()
	for _, d := range spoken {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for i, p := range provocations {
				if p.harmless || !slices.Contains(p.dialects(), d) {
					continue
				}
				for _, stream := range []bool{false, true} {
					what, model := p.name+", "+kindOfStream(stream), streamModel(stream, i)
					w := newTown(t, d, "p", "evil1", "evil2", "good")
					for _, client := range []string{"evil1", "evil2"} {
						if at := w.ask(client, model, stream, fmt.Sprintf("%s %d.", poison, i)); len(at) == 0 || at[0] != "p1" {
							t.Fatalf("%s is sent to %v", what, at)
						}
					}
					want := map[string]string{"key": "p2", "channel": "q1"}[p.of]
					if at := w.ask("good", model, stream, "hello"); !slices.Equal(at, []string{want}) {
						t.Errorf("after two client keys have met %s a third is served by %v, want %s", what, at, want)
					}
				}
			}
		})
	}
}

func kindOfStream(stream bool) string {
	if stream {
		return "as a stream"
	}
	return "plainly"
}

func TestProviderThatCannotBeReachedRestsForAllAtOnce(t *testing.T) {
	g := start(t, "  - provider: away\n    base_url: http://127.0.0.1:1/v1\n    api: k\n    model: [m]\n", providerOf("p", listen(t, both)), paidKeys("10"))
	g.chat(plainRequest)
	if s := g.state.Overview(g.snapshot.Load().table)[0].Channels[0]; !s.Resting || len(s.Alone) > 0 {
		t.Errorf("it stands %+v", s)
	}
}

func TestEndpointThatAProviderLacksRestsNoChat(t *testing.T) {
	up := listen(t, func(p *peer, r seen) bool {
		switch r.URL.Path {
		case "/v1/chat/completions":
			return both(p, r)
		case "/v1/messages":
			p.say(reply(200, jsonKind, messagesAnswer))
		default:
			p.say(reply(404, jsonKind, `{"detail":"Not Found"}`))
		}
		return true
	})
	g := start(t, providerOf("p", up), providerOf("q", up), "  - provider: c\n    base_url: http://"+up.addr+"/v1/messages\n    api: k\n    model: [c]\n",
		"  - provider: d\n    base_url: http://"+up.addr+"/v1/messages\n    api: k\n    model: [c]\n")
	for _, c := range []struct{ path, body string }{
		{"/v1/embeddings", `{"model":"m","input":"x"}`},
		{"/v1/images/generations", `{"model":"m","prompt":"x"}`},
		{"/v1/rerank", `{"model":"m","query":"x","documents":["y"]}`},
	} {
		if a := g.do("POST", c.path, c.body, "Authorization", "Bearer "+clientKeyText); a.StatusCode != 404 {
			t.Errorf("%s: %d %s", c.path, a.StatusCode, a.body)
		}
	}
	counted := g.do("POST", "/v1/messages/count_tokens", `{"model":"c","messages":[{"role":"user","content":"how long is this?"}]}`, "Authorization", "Bearer "+clientKeyText)
	if counted.StatusCode != 200 || counted.Header.Get("X-Token-Count") != "estimate" {
		t.Errorf("counting: %d %s", counted.StatusCode, counted.body)
	}
	for _, p := range g.state.Overview(g.snapshot.Load().table) {
		if p.Channels[0].Resting || p.Keys[0].Resting {
			t.Errorf("%s stands %+v", p.Name, p)
		}
	}
}

func TestWhoseFaultItIsThatNothingWasSent(t *testing.T) {
	dial := func(cause error) error {
		return &pool.Error{Kind: pool.Dial, Op: "connecting", Err: &net.OpError{Op: "dial", Net: "tcp", Err: cause}}
	}
	for name, c := range map[string]struct {
		err  error
		want balancer.Outcome
	}{
		"nobody listens":           {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), balancer.Outcome{Verdict: balancer.Unavailable, Unsent: true, Sure: true}},
		"no answer in time":        {dial(os.ErrDeadlineExceeded), balancer.Outcome{Verdict: balancer.Unavailable, Unsent: true}},
		"we have no descriptors":   {dial(os.NewSyscallError("socket", syscall.EMFILE)), balancer.Outcome{Verdict: balancer.Unfit, Unsent: true, Sure: true}},
		"we have no ports":         {dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), balancer.Outcome{Verdict: balancer.Unfit, Unsent: true, Sure: true}},
		"a bad certificate":        {&pool.Error{Kind: pool.TLS, Op: "connecting", Err: errors.New("certificate has expired")}, balancer.Outcome{Verdict: balancer.Unavailable, Unsent: true, Sure: true}},
		"it could not be written":  {errors.New("no such schema"), balancer.Outcome{Verdict: balancer.Unfit, Unsent: true}},
		"it was written, and lost": {&pool.Error{Kind: pool.Reset, Op: "waiting", Err: io.EOF}, balancer.Outcome{Verdict: balancer.Unavailable}},
	} {
		a := &attempt{inbound: &inbound{origin: origin{snap: &snapshot{config: new(config.Config)}}}}
		a.chosen = balancer.Attempt{Candidate: &balancer.Candidate{Provider: &balancer.Provider{Config: new(config.Provider)}}}
		if got, told := a.judge(c.err); got != c.want || told.Status < 500 {
			t.Errorf("%s: %+v, told %d; want %+v", name, got, told.Status, c.want)
		}
	}
}
