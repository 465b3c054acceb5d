package responses

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/flows"
	"uniapi/codec/passthrough"
)

// passEvent is an event as OpenAI sends it.
func passEvent(kind, rest string) string {
	return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\",\"sequence_number\":1," + rest + "}\n\n"
}

// passEnd is an event with a whole response in it.
func passEnd(kind, members string) string {
	return passEvent(kind, `"response":{"id":"resp_1","object":"response","error":null,`+members+
		`,"usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":4},"output_tokens":7,"total_tokens":12},"metadata":{}}`)
}

const (
	passMessage = `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ab"}]}`
	passEmpty   = `{"type":"message","role":"assistant","content":[]}`
)

var (
	passCreated = passEvent("response.created", `"response":{"id":"resp_1","status":"in_progress","error":null,"output":[],"usage":null}`)
	passItem    = passEvent("response.output_item.added", `"output_index":0,"item":`+passEmpty)
	passPart    = passEvent("response.content_part.added", `"part":{"type":"output_text","text":""}`)
	passBefore  = passCreated + strings.ReplaceAll(passCreated, "created", "in_progress") + passItem + passPart
	passBehind  = passEnd("response.completed", `"status":"completed","output":[`+passMessage+`]`)
)

func passDelta(text string) string {
	return passEvent("response.output_text.delta", `"item_id":"msg_1","output_index":0,"delta":"`+text+`"`)
}

func newPass(triggers ...string) *passthrough.Stream {
	s := new(passthrough.Stream)
	s.Reset(new(Inspector), triggers...)
	return s
}

func TestStreamPassesByteForByte(t *testing.T) {
	whole := passBefore + passDelta("a") + passDelta(`\n`) + passBehind
	nameless := strings.NewReplacer("event: response.output_text.delta\n", "", "event: response.completed\n", "", "event: response.created\n", "").Replace(whole)
	incomplete := passCreated + passEnd("response.incomplete", `"status":"incomplete","output":[]`)
	for _, c := range []struct{ name, stream, want string }{
		{"an ordinary stream", whole, whole},
		{"CRLF lines", strings.ReplaceAll(whole, "\n", "\r\n"), strings.ReplaceAll(whole, "\n", "\r\n")},
		{"events without names", nameless, nameless},
		{"the type behind all else", strings.ReplaceAll(strings.ReplaceAll(whole, `"type":"response.output_text.delta",`, ""), `"delta":`, `"type":"response.output_text.delta","delta":`),
			strings.ReplaceAll(strings.ReplaceAll(whole, `"type":"response.output_text.delta",`, ""), `"delta":`, `"type":"response.output_text.delta","delta":`)},
		{"[DONE] behind the end", whole + "data: [DONE]\n\n", whole},
		{"the whole answer in the last event", passCreated + passBehind, passCreated + passBehind},
		{"an answer cut short before a word", incomplete, incomplete},
		{"a keepalive before the answer", passCreated + passEvent("keepalive", `"x":1`) + passDelta("a") + passBehind,
			passCreated + passEvent("keepalive", `"x":1`) + passDelta("a") + passBehind},
	} {
		for n := 1; n <= len(c.stream); n++ {
			s := newPass()
			got, err := flows.Run(s, c.stream, n)
			u, _ := s.Usage()
			if got != c.want || err != nil || !s.Done() || u != (codec.Usage{Prompt: 5, Cached: 4, Completion: 7, Total: 12}) {
				t.Errorf("%s, by %d bytes: %v, usage %+v, got\n%q", c.name, n, err, u, got)
				break
			}
		}
	}
}

func TestAnswerBeginsWithWhatItSays(t *testing.T) {
	item := func(event, item string) string { return passEvent("response.output_item."+event, `"item":`+item) }
	for _, c := range []struct {
		name, event string
		begins      bool
	}{
		{"a response that waits", passBefore, false},
		{"an empty piece", passDelta(""), false},
		{"a piece of text", passDelta("x"), true},
		{"a piece of thinking", passEvent("response.reasoning_summary_text.delta", `"delta":"hm"`), true},
		{"an item of thinking", item("added", `{"type":"reasoning","summary":[]}`), false},
		{"thinking that cannot be read", item("done", `{"type":"reasoning","summary":[],"encrypted_content":"x"}`), true},
		{"a message that is empty", item("done", passEmpty), false},
		{"a message", item("done", passMessage), true},
		{"a call", item("added", `{"type":"function_call","call_id":"c","name":"f","arguments":""}`), true},
		{"a hosted tool", item("added", `{"type":"web_search_call","status":"in_progress"}`), true},
	} {
		s := newPass()
		out, err := s.Push([]byte(c.event))
		if err != nil || s.Started() != c.begins || c.begins && string(out) != c.event || !c.begins && out != nil {
			t.Errorf("%s: begun %v, %v, %q", c.name, s.Started(), err, out)
		}
	}
}

func TestFailedStreamSaysWhatIsWrong(t *testing.T) {
	quota := passEvent("response.failed", `"response":{"status":"failed","error":{"code":"insufficient_quota","message":"You exceeded your quota"}}`)
	flat := passEvent("error", `"code":"rate_limit_exceeded","message":"slow down","param":null`)
	for _, c := range []struct {
		name, stream, sent, says string
		status                   int
		class                    codec.Class
	}{
		{"no quota", passBefore + quota, "", "quota", 429, codec.RateLimit},
		{"an error event", passCreated + flat, "", "slow down", 429, codec.RateLimit},
		{"an error event with an object", "event: error\ndata: {\"error\":{\"message\":\"no key\",\"code\":\"invalid_api_key\"}}\n\n", "", "no key", 401, codec.Auth},
		{"an error without a text", passEvent("error", `"code":null`), "", "without a text", 502, codec.Semantic},
		{"a failure that says nothing", passEvent("response.failed", `"response":{"status":"failed"}`), "", "without saying why", 502, codec.Semantic},
		{"a failure within", passBefore + passDelta("a") + quota, passBefore + passDelta("a"), "quota", 429, codec.RateLimit},
		{"an error as bare JSON", `{"error":{"message":"no such model","code":"model_not_found"}}`, "", "no such model", 404, codec.NotFound},
		{"a page", "<html><title>Oh no</title></html>", "", "Oh no", 502, codec.Semantic},
		{"a chat stream", "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", "", "another format", 502, codec.Semantic},
		{"nothing", "", "", "empty", 502, codec.Semantic},
		{"an answer that says nothing", passBefore + passEnd("response.completed", `"status":"completed","output":[`+passEmpty+`]`), "", "empty", 502, codec.Semantic},
		{"a response that never ends", passBefore, "", "ended before", 502, codec.Cut},
		{"a cut within", passBefore + passDelta("a") + passBehind[:200], passBefore + passDelta("a"), "ended before", 502, codec.Cut},
		{"broken JSON in the place of the end", passBefore + passDelta("a") + "event: response.completed\ndata: {\"type\":\n\n", passBefore + passDelta("a"), "ended before", 502, codec.Cut},
		{"a trigger", passBefore + passDelta("no policy"), "", "error trigger", 502, codec.Semantic},
	} {
		for n := 1; n <= len(c.stream)+1; n++ {
			s := newPass("policy")
			out, err := flows.Run(s, c.stream, n)
			var e *codec.Error
			if !errors.As(err, &e) || out != c.sent || e.Status != c.status || e.Class != c.class || !strings.Contains(e.Message, c.says) {
				t.Errorf("%s by %d: %+v, sent %q", c.name, n, e, out)
				break
			}
		}
	}
}

func TestEventsThatEchoALongRequestAreReadByTheirEnds(t *testing.T) {
	echo := `"instructions":"` + strings.Repeat("Be brief. ", 20<<10) + `"`
	long := func(kind, members string) string { return passEnd(kind, members+","+echo) }
	created := long("response.created", `"status":"in_progress"`)
	completed := long("response.completed", `"status":"completed"`)
	for _, n := range []int{1000, 1 << 20} {
		s := newPass("Be brief")
		out, err := flows.Run(s, created+created, n)
		if out != "" || s.Started() || err == nil {
			t.Errorf("by %d: a response that waits: %v, %d bytes came", n, err, len(out))
		}
		s = newPass()
		stream := created + passItem + passDelta("a") + completed
		out, err = flows.Run(s, stream+"junk", n)
		if u, _ := s.Usage(); out != stream || err != nil || !s.Done() || u.Total != 12 {
			t.Errorf("by %d: %v, usage %+v, %d bytes of %d", n, err, u, len(out), len(stream))
		}
		failure := passEvent("response.failed", `"response":{"id":"r","error":{"code":"rate_limit_exceeded","message":"slow down"},`+echo+`}`)
		out, err = flows.Run(newPass(), created+failure, n)
		var e *codec.Error
		if !errors.As(err, &e) || e.Status != 429 || out != "" {
			t.Errorf("by %d: a failure: %+v, %d bytes came", n, e, len(out))
		}
	}
}

// What a client says and OpenAI repeats behind the usage is neither a usage nor a service tier, and hides none.
func TestClientsMetadataIsNoUsageOfALongResponse(t *testing.T) {
	named := `"service_tier":"flex","usage":"none","k":"\"usage\":{\"input_tokens\":1}"`
	longest := named
	for i := range 16 {
		longest += `,"` + strconv.Itoa(i) + strings.Repeat("k", 62) + `":"` + strings.Repeat(`\u00e9`, 512) + `"`
	}
	for name, metadata := range map[string]string{"a name": named, "as long as may be": longest} {
		end := `data: {"type":"response.completed","response":{"id":"r","status":"completed","error":null,"instructions":"` + strings.Repeat("Be brief. ", 20<<10) + `","output":[` + passMessage +
			`],"service_tier":"priority","usage":{"input_tokens":5,"output_tokens":7,"output_tokens_details":{"reasoning_tokens":6},"total_tokens":12},"user":null,"metadata":{` + metadata + `}},"sequence_number":9}` + "\n\n"
		s := newPass()
		stream := passBefore + passDelta("a") + end
		out, err := flows.Run(s, stream, 5000)
		if u, told := s.Usage(); out != stream || err != nil || !told || u.Total != 12 || u.Reasoning != 6 || u.Tier != "priority" {
			t.Errorf("%s: %v, usage %+v, %d bytes of %d", name, err, u, len(out), len(stream))
		}
	}
}

func TestCheckAnswerTellsAnAnswerFromWhatIsNone(t *testing.T) {
	response := func(status, rest string) string {
		return `{"object":"response","status":"` + status + `","error":null,` + rest + `,"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}`
	}
	for _, c := range []struct {
		name, body, says string
		status           int
	}{
		{"a message", response("completed", `"output":[`+passMessage+`]`), "", 0},
		{"a call", response("completed", `"output":[{"type":"function_call","name":"f","arguments":"{}"}]`), "", 0},
		{"cut short", response("incomplete", `"output":[]`), "", 0},
		{"in the background", response("queued", `"output":[]`), "", 0},
		{"nothing", response("completed", `"output":[`+passEmpty+`]`), "empty", 502},
		{"a failure", strings.Replace(response("failed", `"output":[]`), `"error":null`, `"error":{"code":"insufficient_quota","message":"no quota"}`, 1), "no quota", 429},
		{"a failure that says nothing", response("failed", `"output":[]`), "without saying why", 502},
		{"an error", `{"error":{"message":"slow down","type":"rate_limit_error"}}`, "slow down", 429},
		{"an error of a proxy", `{"detail":"x","message":"gone"}`, "gone", 502},
		{"a page", `<html><title>Oh no</title></html>`, "Oh no", 502},
		{"a trigger in escapes", response("completed", `"output":[{"type":"message","content":[{"type":"output_text","text":"\u4f60\u597d"}]}]`), "trigger", 502},
	} {
		u, err := CheckAnswer([]byte(c.body), []string{"你好"})
		var e *codec.Error
		switch {
		case c.says == "":
			if err != nil || u.Total != 7 {
				t.Errorf("%s: %v, usage %+v", c.name, err, u)
			}
		case !errors.As(err, &e) || e.Status != c.status || !strings.Contains(e.Message, c.says):
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

func TestPartsReplacesTheModel(t *testing.T) {
	body := []byte(`{"input":"hi","model":"n", "x_new":1.50,"x_new":2}`)
	h, err := ReadHead(body)
	if err != nil || h.Model != "n" || string(h.Messages.Raw(body)) != `"hi"` {
		t.Fatalf("%+v, %v", h, err)
	}
	var scratch []byte
	if got := string(bytes.Join(h.Parts(nil, body, "up", &scratch), nil)); got != `{"input":"hi","model":"up", "x_new":1.50,"x_new":2}` {
		t.Error(got)
	}
}

// passBegun is a stream whose answer has begun.
func passBegun(t testing.TB) *passthrough.Stream {
	t.Helper()
	s := newPass()
	if _, err := s.Push([]byte(passBefore + passDelta("a"))); err != nil || !s.Started() {
		t.Fatal(err)
	}
	return s
}

func TestEventsThatPassDoNotAllocate(t *testing.T) {
	flows.AllocateNothing(t, passBegun(t), []byte(passDelta("b")+passDelta(`\"`)+": ping\n\n"))
}

func FuzzPassthrough(f *testing.F) {
	for _, s := range []string{passBefore + passDelta("a") + passBehind, passCreated + passEvent("error", `"message":"x"`), passDelta("a") + "data: {}\n\n", `{"error":"x"}`} {
		f.Add(s, uint16(1), uint16(7))
	}
	f.Fuzz(func(t *testing.T, stream string, a, b uint16) {
		flows.SameInPieces(t, func() flows.Flow { return newPass("trigger") }, stream, 1, int(a)+1, int(b)%20+1)
	})
}

func BenchmarkPassthrough(b *testing.B) {
	one := []byte(passDelta("some words of it"))
	b.Run("one event a push", func(b *testing.B) { flows.Benchmark(b, passBegun(b), one, 1) })
	b.Run("50 events a push", func(b *testing.B) { flows.Benchmark(b, passBegun(b), bytes.Repeat(one, 50), 50) })
}
