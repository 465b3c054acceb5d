package loadtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"
)

const streamRequest = `{"model":"gpt-4o","messages":[{"role":"user","content":"Hello, world!"}],"stream":true}`

// serve serves m on a free port until the test ends and returns its base URL.
func serve(t *testing.T, m *Mock) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- m.Serve(ln) }()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

func post(t *testing.T, url, body string) *http.Response {
	t.Helper()
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

type completion struct {
	Model   string
	Choices []struct {
		Delta, Message struct{ Role, Content string }
		FinishReason   *string `json:"finish_reason"`
	}
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		TotalTokens      int `json:"total_tokens"`
	}
}

// events decodes a stream and fails the test unless it ends in [DONE].
func events(t *testing.T, stream string) []completion {
	t.Helper()
	rest, done := strings.CutSuffix(stream, "data: [DONE]\n\n")
	if !done {
		t.Fatalf("stream does not end in [DONE]: %q", stream)
	}
	var out []completion
	for event := range strings.SplitSeq(strings.TrimSuffix(rest, "\n\n"), "\n\n") {
		var c completion
		if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &c); err != nil {
			t.Fatalf("event %q: %v", event, err)
		}
		out = append(out, c)
	}
	return out
}

func TestStreamIsTheOriginalMocksByDefault(t *testing.T) {
	resp := post(t, serve(t, &Mock{}), streamRequest)
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	got := events(t, readAll(t, resp.Body))
	if len(got) != DefaultEvents-1 {
		t.Fatalf("%d events before [DONE], want %d", len(got), DefaultEvents-1)
	}
	var text strings.Builder
	for _, e := range got {
		for _, c := range e.Choices {
			text.WriteString(c.Delta.Content)
		}
	}
	if want := "Hello! How can I assist you today?"; text.String() != want {
		t.Errorf("text %q, want %q", text.String(), want)
	}
	if role := got[0].Choices[0].Delta.Role; role != "assistant" {
		t.Errorf("first event has role %q", role)
	}
	if reason := got[10].Choices[0].FinishReason; reason == nil || *reason != "stop" {
		t.Errorf("event before the usage has no finish reason: %+v", got[10])
	}
	usage := got[11].Usage
	if len(got[11].Choices) != 0 || usage == nil || usage.PromptTokens != 8 || usage.CompletionTokens != 10 || usage.TotalTokens != 18 {
		t.Errorf("usage event is %+v", got[11])
	}
}

func TestStreamHasTheEventsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name    string
		mock    *Mock
		request string
		want    int // [DONE] not counted
	}{
		{"fifty", &Mock{Events: 50}, streamRequest, 49},
		{"the least", &Mock{Events: 5}, streamRequest, 4},
		{"each in its own write", &Mock{Events: 50, Burst: 1}, streamRequest, 49},
		{"all in one write", &Mock{Events: 50, Burst: 1000}, streamRequest, 49},
		{"bursts that end with the stream", &Mock{Events: 50, Burst: 10}, streamRequest, 49},
		{"with usage", &Mock{}, strings.Replace(streamRequest, "true", `true,"stream_options":{"include_usage":true}`, 1), 12},
		{"without usage", &Mock{}, strings.Replace(streamRequest, "true", `true,"stream_options":{"include_usage": false}`, 1), 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := serve(t, tt.mock)
			for range 3 { // the connection is kept alive: nothing may be left over on it
				if got := events(t, readAll(t, post(t, url, tt.request).Body)); len(got) != tt.want {
					t.Errorf("%d events before [DONE], want %d", len(got), tt.want)
				}
			}
		})
	}
}

func TestEventsAreWrittenAsChunksOfTheirOwn(t *testing.T) {
	url := serve(t, &Mock{Events: 20, Burst: 8})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\nConnection: close\r\nContent-Length: "+
		"87\r\n\r\n"+streamRequest); err != nil {
		t.Fatal(err)
	}
	raw := readAll(t, conn)
	if got := strings.Count(raw, "\r\ndata: "); got != 20 {
		t.Errorf("%d chunks begin with an event, want 20", got)
	}
	if !strings.HasSuffix(raw, "data: [DONE]\n\n\r\n0\r\n\r\n") {
		t.Errorf("stream ends in %q", raw[len(raw)-40:])
	}
}

func TestPacedEventsArriveOneByOne(t *testing.T) {
	const gap = 20 * time.Millisecond
	url := serve(t, &Mock{Events: 6, Gap: gap})
	var spread time.Duration
	for range 20 { // a busy machine may bring some together, but not each time
		begin := time.Now()
		lines := bufio.NewReader(post(t, url, streamRequest).Body)
		var arrived []time.Duration
		for {
			line, err := lines.ReadString('\n')
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, "data: ") {
				arrived = append(arrived, time.Since(begin))
			}
		}
		if len(arrived) != 6 {
			t.Fatalf("%d events, want 6", len(arrived))
		}
		// The pause follows the event, so the last is five pauses after the first.
		if arrived[5] < 5*gap {
			t.Errorf("the last of six events came after %v, want %v at least", arrived[5], 5*gap)
		}
		if spread = arrived[5] - arrived[0]; spread >= 5*gap-5*time.Millisecond {
			return
		}
	}
	t.Errorf("six events within %v of each other, want about %v", spread, 5*gap)
}

func TestPlainAnswerHasTheSizeAskedFor(t *testing.T) {
	for _, size := range []int{0, 300, 10_000, 1 << 20} {
		url := serve(t, &Mock{AnswerSize: size})
		for _, request := range []string{`{"model":"m"}`, `{"stream":false}`, `{"messages":[{"role":"user","content":"\"stream\":true"}]}`} {
			resp := post(t, url, request)
			body := readAll(t, resp.Body)
			if size != 0 && len(body) != size {
				t.Errorf("size %d: body of %d bytes", size, len(body))
			}
			var c completion
			if err := json.Unmarshal([]byte(body), &c); err != nil {
				t.Fatalf("size %d: %v", size, err)
			}
			if c.Choices[0].Message.Content == "" || c.Usage == nil {
				t.Errorf("size %d: answer without content or usage: %.200s", size, body)
			}
		}
	}
}

func TestLatencyComesBeforeTheFirstByte(t *testing.T) {
	url := serve(t, &Mock{Latency: 30 * time.Millisecond})
	begin := time.Now()
	post(t, url, `{}`)
	if took := time.Since(begin); took < 30*time.Millisecond {
		t.Errorf("headers after %v", took)
	}
}

func TestErrorRateIsTheShareOfFailures(t *testing.T) {
	for rate, want := range map[float64]int{0: http.StatusOK, 1: http.StatusServiceUnavailable} {
		resp := post(t, serve(t, &Mock{ErrorRate: rate}), streamRequest)
		if resp.StatusCode != want {
			t.Errorf("error rate %v: status %d, want %d", rate, resp.StatusCode, want)
		}
	}
}

func TestOtherPaths(t *testing.T) {
	url := serve(t, &Mock{})
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/v1/models": {http.StatusOK, `"id":"gpt-4o"`},
		"/other":     {http.StatusNotFound, `"error":{`},
	} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body := readAll(t, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want.status || !strings.Contains(body, want.text) || !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

func TestCloseCutsAnswersInFlight(t *testing.T) {
	for name, mock := range map[string]*Mock{
		"between events":        {Gap: time.Hour},
		"before the first byte": {Latency: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, mock)
			begun := make(chan struct{}) // the request is out, or the answer has begun
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				WroteRequest: func(httptrace.WroteRequestInfo) {
					if mock.Latency > 0 {
						close(begun)
					}
				},
				GotFirstResponseByte: func() {
					if mock.Gap > 0 {
						close(begun)
					}
				},
			})
			request, err := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions", strings.NewReader(streamRequest))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				<-begun
				mock.Close()
			}()
			resp, err := http.DefaultTransport.RoundTrip(request)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Error("the client saw a whole answer")
			}
		})
	}
}

func TestUnusableFieldsAreNamed(t *testing.T) {
	for want, mock := range map[string]*Mock{
		"events is 4":          {Events: 4},
		"gap is -1s":           {Gap: -time.Second},
		"latency is -1s":       {Latency: -time.Second},
		"error rate is 1.5":    {ErrorRate: 1.5},
		"burst is -1":          {Burst: -1},
		"size 10 is too small": {AnswerSize: 10},
	} {
		err := mock.ListenAndServe("127.0.0.1:0")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if err := mock.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestServeAfterCloseReturnsAtOnce(t *testing.T) {
	var m Mock
	m.Close()
	if err := m.ListenAndServe("127.0.0.1:0"); err != nil {
		t.Error(err)
	}
}

func TestHasMemberReadsOnlyMembers(t *testing.T) {
	for body, want := range map[string]bool{
		`{"stream":true}`:                           true,
		"{\"stream\" :\n true}":                     true,
		`{"stream":false}`:                          false,
		`{"stream":null,"x":true}`:                  false,
		`{"a":"stream","stream":true}`:              true,
		`{"content":"say \"stream\":true"}`:         false,
		`{"stream_options":{"include_usage":true}}`: false,
		`{"stream"`:                                 false,
		`{"stream":`:                                false,
		``:                                          false,
	} {
		if got := hasMember([]byte(body), "stream", "true"); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
