package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// upstream is a provider on loopback. It notes what it is asked and answers in the format of the path, unless a row
// says otherwise.
type upstream struct {
	name, url string
	journal   *journal
	server    *httptest.Server

	mu     sync.Mutex
	seen   []seen
	answer func(http.ResponseWriter, seen)
}

// seen is a request that an upstream got.
type seen struct {
	*http.Request
	body string
}

// journal is the order in which the upstreams of a stage were asked.
type journal struct {
	mu    sync.Mutex
	names []string
}

func (j *journal) add(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.names = append(j.names, name)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.names...)
}

func newUpstream(t *testing.T, name string, j *journal) *upstream {
	u := &upstream{name: name, journal: j, answer: usual}
	u.server = httptest.NewServer(u)
	// On a busy machine one answer may take many times as long as another. Over a connection that was used before the
	// gateway would take the quicker one for somebody else's, and ask again.
	u.server.Config.SetKeepAlivesEnabled(false)
	t.Cleanup(func() {
		u.server.CloseClientConnections()
		u.server.Close()
	})
	u.url = u.server.URL
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	asked := seen{r, string(body)}
	u.mu.Lock()
	u.seen = append(u.seen, asked)
	answer := u.answer
	u.mu.Unlock()
	u.journal.add(u.name)
	answer(w, asked)
}

// answers has the upstream answer otherwise from now on, while it may be asked.
func (u *upstream) answers(answer func(http.ResponseWriter, seen)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = answer
}

// requests are those that have come so far.
func (u *upstream) requests() []seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]seen(nil), u.seen...)
}

// last is the newest request, an empty one if there was none.
func (u *upstream) last() seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.seen) == 0 {
		return seen{Request: httptest.NewRequest("NONE", "/never-asked", nil)}
	}
	return u.seen[len(u.seen)-1]
}

// keys are the bearer keys of the requests, in their order.
func (u *upstream) keys() string {
	var keys []string
	for _, r := range u.requests() {
		keys = append(keys, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}
	return strings.Join(keys, " ")
}

// member is a member of the body as it was written, "absent" if there is none.
func (r seen) member(name string) string {
	var body map[string]json.RawMessage
	if json.Unmarshal([]byte(r.body), &body) != nil || body[name] == nil {
		return "absent"
	}
	return string(body[name])
}

func (r seen) streams() bool {
	return strings.Contains(r.body, `"stream":true`) || strings.Contains(r.URL.Path, ":stream")
}

// says answers every request with a status and a body of JSON.
func says(status int, body string) func(http.ResponseWriter, seen) {
	return func(w http.ResponseWriter, _ seen) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// fails answers every request with a status and a message.
func fails(status int, message string) func(http.ResponseWriter, seen) {
	return says(status, fmt.Sprintf(`{"error":{"message":%q}}`, message))
}

// usual answers as a provider that is well.
func usual(w http.ResponseWriter, r seen) {
	f := answerTo(r.URL.Path)
	if r.streams() && f.stream != "" {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, f.stream)
		return
	}
	says(200, f.plain)(w, r)
}

// reply is how a format answers, plainly and as a stream.
type reply struct{ plain, stream string }

// answerTo is the answer of the endpoint that a path ends in.
func answerTo(path string) reply {
	for _, e := range endpoints {
		if strings.HasSuffix(path, e.ending) {
			return e.reply
		}
	}
	return reply{plain: `{"error":{"message":"there is no such endpoint"}}`}
}

const chatEvent = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}` + "\n\n"

var (
	chatBody = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"sunny"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":1000000,"completion_tokens":1000000,"total_tokens":2000000}}`
	firstEvent    = fmt.Sprintf(chatEvent, `"role":"assistant","content":"sunny"`, "null")
	restEvents    = fmt.Sprintf(chatEvent, "", `"stop"`) + "data: [DONE]\n\n"
	responsesBody = `{"id":"r","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"i","role":"assistant","status":"completed",` +
		`"content":[{"type":"output_text","text":"sunny","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}`
	geminiBody = `{"candidates":[{"content":{"role":"model","parts":[{"text":"sunny"}]},"finishReason":"STOP","index":0}],` +
		`"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}`
	messagesBody = `{"id":"a","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"sunny"}],"stop_reason":"end_turn","stop_sequence":null,` +
		`"usage":{"input_tokens":3,"output_tokens":4}}`
)

// endpoints are the answers of the formats, by what the paths end in.
var endpoints = []struct {
	ending string
	reply
}{
	{"/models", reply{plain: `{"object":"list","data":[{"id":"m","object":"model"},{"id":"listed","object":"model"}]}`}},
	{"/responses/compact", reply{plain: `{"id":"c","object":"response.compaction","output":[]}`}},
	{"/responses", reply{responsesBody, "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\"}}\n\n" +
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"output_index\":0,\"delta\":\"sunny\"}\n\n" +
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":" + responsesBody + "}\n\n"}},
	{"/messages", reply{plain: messagesBody}},
	{":rawPredict", reply{plain: messagesBody}},
	{":generateContent", reply{plain: geminiBody}},
	{":streamGenerateContent", reply{geminiBody, "data: " + geminiBody + "\r\n\r\n"}},
	{"/converse", reply{plain: `{"output":{"message":{"role":"assistant","content":[{"text":"sunny"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}`}},
	{"/v2/chat", reply{plain: `{"id":"c","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"sunny"}]},"usage":{"tokens":{"input_tokens":3,"output_tokens":4}}}`}},
	{"/embeddings", reply{plain: `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":3,"total_tokens":3}}`}},
	{"/moderations", reply{plain: `{"id":"m","model":"m","results":[{"flagged":true,"categories":{}}]}`}},
	{"/chat/completions", reply{chatBody, firstEvent + restEvents}},
	{"/invocations", reply{plain: chatBody}},
	{"/token", reply{plain: `{"access_token":"the-access-token","token_type":"Bearer","expires_in":3600}`}},
}

// forward answers as a proxy does: with what the address in the request line says.
func forward(w http.ResponseWriter, r seen) {
	onward, err := http.NewRequest(r.Method, r.URL.String(), body(r.body))
	if err != nil || r.URL.Host == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	onward.Header = r.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(onward)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
