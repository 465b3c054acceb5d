package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// The keys of the file. They are long enough for logs to mask them.
const (
	clientKey = "sk-client-0123456789abcdefghijklmn"
	otherKey  = "sk-other-0123456789abcdefghijklmnop"
	keyOfA    = "sk-up-a-0123456789abcdefghijklmnopq"
	keyOfB    = "sk-up-b-0123456789abcdefghijklmnopq"
)

// file is what an api.yaml has beside what is needed, level by level: each a mapping whose keys take the place of the
// usual ones. $A, $B and $SIDE in it are the addresses of the upstreams.
type file struct {
	top, a, aPreferences, b, bPreferences, key, keyPreferences, other, preferences string
}

// mapping lays mappings over each other: of equal keys the last one holds.
func mapping(t *testing.T, layers ...string) map[string]yaml.Node {
	t.Helper()
	out := map[string]yaml.Node{}
	for _, layer := range layers {
		if err := yaml.Unmarshal([]byte(layer), &out); err != nil {
			t.Fatalf("%v in %s", err, layer)
		}
	}
	return out
}

// text is the file: two providers that have the model m, a first and then b, and a client key that is an admin's. set
// is laid over the level that at names.
func (f file) text(t *testing.T, at level, set string) string {
	over := func(l level, layers ...string) map[string]yaml.Node {
		if l == at {
			layers = append(layers, set)
		}
		return mapping(t, layers...)
	}
	nest := func(outer map[string]yaml.Node, key string, value any) map[string]yaml.Node {
		var node yaml.Node
		if _, there := outer[key]; !there {
			if err := node.Encode(value); err != nil {
				t.Fatal(err)
			}
			outer[key] = node
		}
		return outer
	}
	usual := "{base_url: $%s/v1/chat/completions, provider: %s, api: %s, model: [m]}"
	a := over(inProvider, fmt.Sprintf(usual, "A", "a", keyOfA), f.a)
	b := mapping(t, fmt.Sprintf(usual, "B", "b", keyOfB), f.b)
	key := over(inKey, "{api: "+clientKey+", role: admin}", f.key)
	keys := []any{nest(key, "preferences", over(inKeyPreferences, f.keyPreferences))}
	if f.other != "" {
		keys = append(keys, mapping(t, "{api: "+otherKey+", role: other}", f.other))
	}
	file := over(inFile, f.top)
	nest(file, "providers", []any{
		nest(a, "preferences", over(inProviderPreferences, f.aPreferences)), nest(b, "preferences", mapping(t, f.bPreferences)),
	})
	nest(file, "api_keys", keys)
	nest(file, "preferences", over(inPreferences, f.preferences))
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stage is the program under one file, between a client and two providers.
type stage struct {
	*testing.T
	has   bool      // the file has the key that the row is about
	a, b  *upstream // the providers
	side  *upstream // what else there is to be asked: a proxy, a server of tokens or of images
	order *journal  // of a and b

	env       []string
	dir, path string // the program's folder, and the file
	address   string // of the gateway, once it runs
	stop      func() // has it end
	signal    func(os.Signal)
	log       *logged
	drawn     bool // what is asked next cannot be told before
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, order: &journal{}, dir: t.TempDir()}
	s.a, s.b = newUpstream(t, "a", s.order), newUpstream(t, "b", s.order)
	s.side = newUpstream(t, "side", &journal{})
	s.path = filepath.Join(s.dir, "api.yaml")
	return s
}

// write writes the file.
func (s *stage) write(text string) {
	s.Helper()
	text = s.addresses(text)
	if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) addresses(text string) string {
	return strings.NewReplacer("$DIR", s.dir, "$A", s.a.url, "$B", s.b.url, "$SIDE", s.side.url).Replace(text)
}

// environment is that of every run of the program: without a ledger, unless the row says otherwise.
func (s *stage) environment() []string { return append([]string{"DISABLE_DATABASE=true"}, s.env...) }

// check is what `uni-api check` prints, with the folder's and the upstreams' names taken out.
func (s *stage) check() (printed string, code int) {
	s.Helper()
	printed, code = run(s.T, s.dir, s.environment(), "check", "--config", s.path)
	return strings.ReplaceAll(printed, s.dir+"/", ""), code
}

// serve starts the gateway, unless it runs.
func (s *stage) serve() {
	s.Helper()
	if s.address != "" {
		return
	}
	cmd := exec.Command(program, "serve", "--config", s.path, "--listen", "127.0.0.1:0", "--data", filepath.Join(s.dir, "data"), "--trusted-proxies", "127.0.0.1")
	cmd.Dir, cmd.Env = s.dir, append([]string{"HOME=" + s.dir}, s.environment()...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.log = &logged{lines: make(chan map[string]any, 1000)}
	read := make(chan bool)
	go func() {
		defer close(read)
		s.log.read(stderr)
	}()
	s.Cleanup(func() {
		cmd.Process.Kill()
		<-read
		cmd.Wait()
	})
	s.signal = func(sig os.Signal) { cmd.Process.Signal(sig) }
	s.stop = func() {
		cmd.Process.Signal(os.Interrupt)
		<-read // its last word
	}
	s.address = fmt.Sprint("http://", s.log.await(s, "serving")["address"])
}

// logged is the log of the program: what it wrote on standard error, as it comes.
type logged struct {
	lines chan map[string]any
	all   []map[string]any // that have been looked at
}

func (l *logged) read(from io.Reader) {
	defer close(l.lines)
	for lines := bufio.NewScanner(from); lines.Scan(); {
		line := map[string]any{}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			line["msg"] = "no line of the log: " + lines.Text()
		}
		l.lines <- line
	}
}

// await returns the first line with a message, and waits for it if it has not come yet.
func (l *logged) await(s *stage, message string) map[string]any {
	s.Helper()
	is := func(line map[string]any) bool { return line["msg"] == message }
	if i := slices.IndexFunc(l.all, is); i >= 0 {
		return l.all[i]
	}
	over := time.After(patience)
	for {
		select {
		case line, more := <-l.lines:
			if !more {
				s.Fatalf("the program ended without %q; its log: %v", message, l.all)
			}
			if l.all = append(l.all, line); is(line) {
				return line
			}
		case <-over:
			s.Fatalf("%q did not come in the log: %v", message, l.all)
		}
	}
}

// answer is a whole answer as the client got it.
type answer struct {
	*http.Response
	body string
}

// member is a text in the answer's error: its code or its message.
func (a answer) error(member string) string {
	var body struct{ Error map[string]any }
	json.Unmarshal([]byte(a.body), &body)
	return fmt.Sprint(body.Error[member])
}

// send sends a request with the client's key, unless it has headers of its own for that, and reads the whole answer.
func (s *stage) send(method, path, body string, header ...string) answer {
	s.Helper()
	resp := s.begin(method, path, body, header...)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		text = append(text, " …broken off"...)
	}
	return answer{resp, string(text)}
}

// begin sends a request and returns when the answer begins.
func (s *stage) begin(method, path, body string, header ...string) *http.Response {
	s.Helper()
	s.serve()
	req, err := http.NewRequestWithContext(s.Context(), method, s.address+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+clientKey)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

// post asks for something that a provider has to serve. What explain says of the request, asked before, must be what
// happens.
func (s *stage) post(path, body string, header ...string) answer {
	s.Helper()
	if s.drawn {
		return s.send("POST", path, body, header...)
	}
	var told []string
	if s.address == "" {
		told = append(told, s.explainFile(path, body))
	}
	told = append(told, s.explain(path, body))
	before := len(s.order.all())
	a := s.send("POST", path, body, header...)
	first := ""
	if asked := s.order.all()[before:]; len(asked) > 0 {
		first = asked[0]
	}
	for _, name := range told {
		if refused := a.StatusCode == 429 && a.error("code") != "provider_keys_limited"; name != first && !refused {
			s.Errorf("explain names %q, and %q was asked; the client got %d %.200s", told, first, a.StatusCode, a.body)
		}
	}
	return a
}

// foretold is post for whoever may do otherwise.
func (s *stage) foretold(_, path, body string, header ...string) answer {
	return s.post(path, body, header...)
}

// explanation is what GET and POST /v1/explain answer, as far as it is of interest here.
type explanation struct {
	Key, Model string
	Steps      []step
}

type step struct {
	Provider, Upstream, Excluded string
	Timeout, Idle, Total         time.Duration
	FirstToken                   time.Duration
	Keys                         []string
}

// first is the provider that would be asked first, "" if none would.
func (e explanation) first() string {
	i := slices.IndexFunc(e.Steps, func(s step) bool { return s.Excluded == "" })
	if i < 0 {
		return ""
	}
	return e.Steps[i].Provider
}

// step is what is said of a provider.
func (e explanation) step(provider string) step {
	i := slices.IndexFunc(e.Steps, func(s step) bool { return s.Provider == provider })
	if i < 0 {
		return step{Excluded: "not in the plan"}
	}
	return e.Steps[i]
}

// explained is what the gateway says of a request.
func (s *stage) explained(path, body string) (e explanation) {
	s.Helper()
	query := url.Values{"key": {clientKey}, "endpoint": {path}}
	a := s.send("POST", "/v1/explain?"+query.Encode(), body)
	json.Unmarshal([]byte(a.body), &e)
	return e
}

// explain is the provider that the gateway says would be asked first.
func (s *stage) explain(path, body string) string {
	s.Helper()
	return s.explained(path, body).first()
}

var stepLine = regexp.MustCompile(`(?m)^ *\d+\. ([^/]+)/.*\n(?: {5}.*\n)*`)

// explainFile is what `uni-api explain` says of the file alone.
func (s *stage) explainFile(path, body string) string {
	s.Helper()
	request := filepath.Join(s.dir, "request.json")
	if err := os.WriteFile(request, []byte(body), 0o600); err != nil {
		s.Fatal(err)
	}
	printed, _ := run(s.T, s.dir, s.environment(), "explain", "--config", s.path, "--key", clientKey, "--endpoint", path, "--body", request)
	for _, step := range stepLine.FindAllStringSubmatch(printed, -1) {
		if !strings.Contains(step[0], "     left out: ") {
			return step[1]
		}
	}
	return ""
}

// Requests for the model m.
const chat = "/v1/chat/completions"

// said is the body of a chat request, with more members.
func said(more ...string) string {
	members := append([]string{`"model":"m"`, `"messages":[{"role":"user","content":"hello there"}]`}, more...)
	return "{" + strings.Join(members, ",") + "}"
}

// chat asks for a plain answer.
func (s *stage) chat(more ...string) answer {
	s.Helper()
	return s.post(chat, said(more...))
}

// chats asks several times and tells the statuses.
func (s *stage) chats(times int) string {
	s.Helper()
	var statuses []string
	for range times {
		statuses = append(statuses, fmt.Sprint(s.chat().StatusCode))
	}
	return strings.Join(statuses, " ")
}

// asked are the providers in the order in which they were asked.
func (s *stage) asked() string { return strings.Join(s.order.all(), " ") }

// minutes is a time until something in whole minutes, rounded up: what has passed since it was set does not show.
func minutes(text string) string {
	d, err := time.ParseDuration(cmp.Or(text, "0s"))
	if err != nil {
		return text
	}
	return ((d + time.Minute - 1).Truncate(time.Minute)).String()
}
