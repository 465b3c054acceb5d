package openai

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/passthrough"
)

const (
	first     = `data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	finish    = `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usageOnly = `data: {"id":"c","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}` + "\n\n"
	doneEvent = "data: [DONE]\n\n"
)

func word(s string) string {
	return `data: {"id":"c","choices":[{"index":0,"delta":{"content":"` + s + `"},"finish_reason":null}]}` + "\n\n"
}

// pass is a stream of chat that passes.
type pass struct {
	passthrough.Stream
	in Inspector
}

func (s *pass) Reset(hideUsage bool, triggers ...string) {
	s.in.HideUsage = hideUsage
	s.Stream.Reset(&s.in, triggers...)
}

// run gives a stream to a pass in pieces of n bytes and collects what comes out. The pieces are copies, since Push may
// change them.
func run(s *pass, stream string, n int) (string, error) {
	var out strings.Builder
	for piece := range slices.Chunk([]byte(stream), n) {
		o, err := s.Push(bytes.Clone(piece))
		out.Write(o)
		if err != nil {
			return out.String(), err
		}
	}
	o, err := s.End()
	out.Write(o)
	return out.String(), err
}

func TestPassthroughForwardsWhatTheClientMaySee(t *testing.T) {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for _, c := range []struct {
		name, stream, want string
		prompt             int64
	}{
		{"an ordinary stream", first + word("a") + word("b") + finish + doneEvent, first + word("a") + word("b") + finish + doneEvent, 0},
		{"usage that was not asked for", first + word("a") + finish + usageOnly + doneEvent, first + word("a") + finish + doneEvent, 5},
		{"CRLF lines", crlf(first + word("a") + word("b") + finish + usageOnly + doneEvent),
			crlf(first + word("a") + word("b") + finish + doneEvent), 5},
		{"CR lines", strings.ReplaceAll(first+word("a")+usageOnly+doneEvent, "\n", "\r"),
			strings.ReplaceAll(first+word("a")+doneEvent, "\n", "\r"), 5},
		{"comments before and within", ": hi\n\n: ho\n" + first + ": ping\n\n" + word("a") + doneEvent,
			": ho\n" + first + ": ping\n\n" + word("a") + doneEvent, 0},
		{"no space behind data:", strings.ReplaceAll(first+word("grüße 你好")+doneEvent, "data: ", "data:"),
			strings.ReplaceAll(first+word("grüße 你好")+doneEvent, "data: ", "data:"), 0},
		{"several data lines", "data: {\"id\":\"c\",\"choices\":\ndata: [{\"delta\":{\"content\":\"x\"}}]}\n\n" + doneEvent,
			"data: {\"id\":\"c\",\"choices\":\ndata: [{\"delta\":{\"content\":\"x\"}}]}\n\n" + doneEvent, 0},
		{"names and ids", "id: 1\nevent: message\n" + first + "retry: 5\n\n" + doneEvent, "id: 1\nevent: message\n" + first + "retry: 5\n\n" + doneEvent, 0},
		{"[DONE] with spaces, and what follows it", first + "data:   [DONE]  \n\n" + word("late") + "junk", first + "data:   [DONE]  \n\n", 0},
		{"no [DONE] behind a finish reason", first + finish, first + finish + doneEvent, 0},
		{"no empty line at the end", first + strings.TrimSuffix(doneEvent, "\n\n"), first + doneEvent, 0},
		{"no last line end", first + finish + strings.TrimSuffix(usageOnly, "\n"), first + finish + doneEvent, 5},
		{"half a usage chunk behind the finish", first + finish + usageOnly[:40], first + finish + doneEvent, 0},
		{"empty data", first + "data:\n\ndata: \n\n" + doneEvent, first + doneEvent, 0},
		{"a keep-alive word", first + "data: ping\n\n" + doneEvent, first + doneEvent, 0},
		{"an empty error object", strings.Replace(first, `{"id"`, `{"error":{"message":"","type":"","param":"","code":null},"id"`, 1) + doneEvent,
			strings.Replace(first, `{"id"`, `{"error":{"message":"","type":"","param":"","code":null},"id"`, 1) + doneEvent, 0},
	} {
		for n := 1; n <= len(c.stream); n++ {
			var s pass
			s.Reset(true)
			got, err := run(&s, c.stream, n)
			usage, _ := s.Usage()
			if got != c.want || err != nil || usage.Prompt != c.prompt || !s.Started() {
				t.Errorf("%s, by %d bytes: %v, usage %v, got\n%q, want\n%q", c.name, n, err, usage, got, c.want)
				break
			}
		}
	}
}

func TestPassthroughShowsUsageToAClientThatAsked(t *testing.T) {
	stream := first + finish + usageOnly + doneEvent
	var s pass
	s.Reset(false)
	if got, err := run(&s, stream, 1000); got != stream || err != nil {
		t.Errorf("%v: %q", err, got)
	}
}

func TestPassthroughReadsUsageWhereverItIs(t *testing.T) {
	tokens := `{"prompt_tokens":11,"completion_tokens":22,"total_tokens":33,"prompt_tokens_details":{"cached_tokens":4},` +
		`"completion_tokens_details":{"reasoning_tokens":9}}`
	want := codec.Usage{Prompt: 11, Completion: 22, Total: 33, Cached: 4, Reasoning: 9}
	for name, stream := range map[string]string{
		"with the finish reason": first + strings.Replace(finish, `{"id"`, `{"usage":`+tokens+`,"id"`, 1),
		"in x_groq":              first + strings.Replace(finish, `{"id"`, `{"x_groq":{"id":"r","usage":`+tokens+`},"id"`, 1),
		"in a choice":            first + strings.Replace(finish, `"delta"`, `"usage":`+tokens+`,"delta"`, 1),
		"growing in every event": strings.Replace(first, `{"id"`, `{"usage":{"prompt_tokens":11,"completion_tokens":1},"id"`, 1) +
			strings.Replace(finish, `{"id"`, `{"usage":`+tokens+`,"id"`, 1),
		"followed by an empty one": first + strings.Replace(finish, `{"id"`, `{"usage":`+tokens+`,"id"`, 1) +
			strings.Replace(word(""), `{"id"`, `{"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0},"id"`, 1),
	} {
		var s pass
		s.Reset(true)
		out, err := run(&s, stream+doneEvent, 64)
		if u, ok := s.Usage(); err != nil || !ok || u != want {
			t.Errorf("%s: %v %+v", name, err, u)
		}
		if out != stream+doneEvent {
			t.Errorf("%s: an event with choices was not forwarded: %q", name, out)
		}
	}
}

func TestErrorBeforeTheFirstEventLeavesNothingSent(t *testing.T) {
	for _, c := range []struct {
		name, stream, says string
		status             int
		class              codec.Class
	}{
		{"error object", `data: {"error":{"message":"overloaded","code":529}}` + "\n\n", "overloaded", 529, codec.Unready},
		{"error text", `data: {"error":"no money"}` + "\n\n", "no money", 502, codec.Semantic},
		{"error event behind a comment", ": ping\n\nevent: error\ndata: {\"error\":{\"message\":\"x\"}}\n\n", "x", 502, codec.Semantic},
		{"error event in plain words", "event: error\ndata: it broke\n\n", "it broke", 502, codec.Semantic},
		{"error in a choice", `data: {"choices":[{"error":{"message":"bad","code":400}}]}` + "\n\n", "bad", 400, codec.ClientMistake},
		{"status beside the error", `data: {"error":{"message":"bad tool"},"status_code":400}` + "\n\n", "bad tool", 400, codec.ClientMistake},
		{"context length", `data: {"error":{"message":"maximum context length is 10","code":400}}` + "\n\n", "maximum", 400, codec.TooLong},
		{"MiniMax", `data: {"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}` + "\n\n", "insufficient balance", 429, codec.RateLimit},
		{"Google's array", `data: [{"error":{"message":"quota","code":429}}]` + "\n\n", "quota", 429, codec.RateLimit},
		{"[DONE] first", doneEvent, "empty response", 502, codec.Semantic},
		{"nothing", "", "empty response", 502, codec.Semantic},
		{"comments only", ": a\n\n: b\n\n", "empty response", 502, codec.Semantic},
		{"usage only", usageOnly + doneEvent, "empty response", 502, codec.Semantic},
		{"finish first", finish + doneEvent, "empty response", 502, codec.Semantic},
		{"HTML", "<html><head><title>Oh no</title></head>\n<body></body></html>\n", "Oh no", 502, codec.Semantic},
		{"HTML as data", "data: <html>\n\n", "HTML", 502, codec.Semantic},
		{"JSON without framing", "{\n  \"error\": {\n    \"code\": 403,\n    \"message\": \"no\"\n  }\n}\n", "no", 403, codec.Auth},
		{"text as data", "data: sorry\n\n", "not JSON: sorry", 502, codec.Semantic},
		{"prohibited content", strings.Replace(finish, `"stop"`, `"PROHIBITED_CONTENT"`, 1), "prohibited", 400, codec.ContentPolicy},
		{"trigger in escapes", word(`policy \u4f60\u597d!`), "error trigger", 502, codec.Semantic},
		{"a cut first event", word("x")[:50], "not JSON", 502, codec.Semantic},
	} {
		for _, n := range []int{1, 7, 10_000} {
			var s pass
			s.Reset(true, "", "policy 你好")
			out, err := run(&s, c.stream, n)
			var e *codec.Error
			if !errors.As(err, &e) || out != "" || s.Started() {
				t.Errorf("%s by %d: %v, sent %q", c.name, n, err, out)
				continue
			}
			if e.Status != c.status || e.Class != c.class || !strings.Contains(e.Message, c.says) {
				t.Errorf("%s by %d: got %d %v %q", c.name, n, e.Status, e.Class, e.Message)
			}
		}
	}
}

func TestErrorAfterTheFirstEventEndsTheStreamBehindWhatCameBefore(t *testing.T) {
	for _, c := range []struct {
		name, rest string
		class      codec.Class
	}{
		{"error beside choices", `data: {"choices":[{"delta":{}}],"error":{"message":"died"}}` + "\n\n", codec.Semantic},
		{"error event", "event: error\ndata: {\"message\":\"died\"}\n\n", codec.Semantic},
		{"bare JSON", "{\n \"error\": {\"message\":\"died\",\"code\":499}\n}", codec.ClientMistake},
		{"broken JSON in the place of the end", "data: {\"choices\":[\n\n", codec.Cut},
		{"half an event", word("x")[:50], codec.Cut},
		{"no finish reason", "", codec.Cut},
	} {
		stream := first + word("a") + c.rest
		for n := 1; n <= len(stream); n++ {
			var s pass
			s.Reset(true)
			out, err := run(&s, stream, n)
			var e *codec.Error
			if out != first+word("a") || !errors.As(err, &e) || e.Class != c.class {
				t.Errorf("%s by %d: %v, sent %q", c.name, n, err, out)
				break
			}
			if again, err2 := s.Push([]byte(word("b"))); again != nil || err2 != err {
				t.Errorf("%s: the stream went on", c.name)
			}
		}
	}
}

func TestEventOfMegabytesPassesInPieces(t *testing.T) {
	big := strings.Replace(word(strings.Repeat("z", 3<<20)), "}\n", `,"usage":{"prompt_tokens":3,"completion_tokens":4}}`+"\n", 1)
	big = strings.Replace(big, `"finish_reason":null`, `"finish_reason":"stop"`, 1)
	for _, lead := range []string{"", first} {
		for _, n := range []int{1000, 16 << 10, 10 << 20} {
			var s pass
			s.Reset(true)
			got, err := run(&s, lead+big, n)
			if got != lead+big+doneEvent || err != nil {
				t.Fatalf("by %d: %v, %d bytes of %d", n, err, len(got), len(lead+big+doneEvent))
			}
			if u, _ := s.Usage(); u.Prompt != 3 || u.Completion != 4 {
				t.Errorf("by %d: usage %+v", n, u)
			}
			if n < 64<<10 && s.Held() > 512<<10 {
				t.Errorf("by %d: %d bytes were held", n, s.Held())
			}
		}
	}
}

func TestBigEventIsJudgedByItsStart(t *testing.T) {
	pad := strings.Repeat("z", 200<<10)
	for name, stream := range map[string]string{
		"error first": `data: {"error":{"message":"bad"},"pad":"` + pad + `"}` + "\n\n",
		"huge error":  `data: {"error":{"message":"` + pad + `"}}` + "\n\n",
		"HTML":        "<html>" + pad + "</html>\n\n",
		"not JSON":    "data: " + pad + "\n\n",
	} {
		for _, n := range []int{999, 1 << 20} {
			var s pass
			s.Reset(true)
			if out, err := run(&s, stream, n); out != "" || err == nil {
				t.Errorf("%s by %d: %v, sent %d bytes", name, n, err, len(out))
			}
		}
	}
	var s pass
	s.Reset(true)
	if _, err := run(&s, first+word(pad)[:150<<10], 5000); err == nil || err.(*codec.Error).Class != codec.Cut {
		t.Errorf("a cut big event: %v", err)
	}
}

func TestOnePushIsOneSlice(t *testing.T) {
	var s pass
	s.Reset(true)
	burst := []byte(first + usageOnly + word("a") + usageOnly + finish + doneEvent + "junk")
	out, err := s.Push(burst)
	if want := first + word("a") + finish + doneEvent; string(out) != want || err != nil {
		t.Errorf("%v: %q", err, out)
	}
	if &out[0] != &burst[0] {
		t.Error("the burst was copied")
	}
}

func TestOrdinaryEventsDoNotAllocate(t *testing.T) {
	var s pass
	s.Reset(true)
	events := []byte(first + word("a") + ": ping\n\n" + word("b") + usageOnly + word("c"))
	half := len(events) - 10
	push := func() {
		for _, p := range [][]byte{events[:half], events[half:]} {
			if _, err := s.Push(p); err != nil {
				t.Fatal(err)
			}
		}
		s.Reset(true)
	}
	buf := bytes.Clone(events)
	push()
	copy(events, buf)
	if allocs := testing.AllocsPerRun(100, func() { copy(events, buf); push() }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// unshaped is an inspector that has every event read.
type unshaped struct{ *Inspector }

func (in unshaped) Event(name, data []byte, begun bool) passthrough.Sign {
	sign := in.Inspector.Event(name, data, begun)
	sign.Shaped = false
	return sign
}

func TestTemplateMatchesOnlyItsOwnShape(t *testing.T) {
	for _, next := range []string{
		word(`a\"b\\`), word(`"}],"error":{"message":"x"},"y":[{"a":"`), word("a\\\n\ndata: x"),
		strings.Replace(word("a"), `null`, `"stop"`, 1), usageOnly, first,
	} {
		var with pass
		with.Reset(true)
		var without passthrough.Stream
		without.Reset(unshaped{&Inspector{HideUsage: true}})
		stream := first + word("1")
		_, err1 := with.Push([]byte(stream))
		_, err2 := without.Push([]byte(stream))
		out1, err3 := with.Push([]byte(next))
		out2, err4 := without.Push([]byte(next))
		if err1 != nil || err2 != nil || string(out1) != string(out2) || fmt.Sprint(err3) != fmt.Sprint(err4) {
			t.Errorf("%q: %q %v with, %q %v without a template", next, out1, err3, out2, err4)
		}
	}
}

func FuzzPassthrough(f *testing.F) {
	for _, s := range []string{first + word("a") + word(`\n`) + finish + usageOnly + doneEvent, ": c\r\n\r\n" + strings.ReplaceAll(first+word("b"), "\n", "\r\n"),
		first + "event: error\ndata: {}\n\n", first + "data: {\"usage\":\r\rdata\r\r\n", "{\n\"error\":1}\n", first + doneEvent + "x"} {
		f.Add(s, uint16(1), uint16(7))
	}
	f.Fuzz(func(t *testing.T, stream string, a, b uint16) {
		var s pass
		s.Reset(true, "trigger")
		want, wantErr := run(&s, stream, len(stream)+1)
		want = madeID.ReplaceAllString(want, "made")
		wantUsage, _ := s.Usage()
		for _, n := range []int{1, int(a) + 1, int(b)%20 + 1} {
			s.Reset(true, "trigger")
			got, err := run(&s, stream, n)
			got = madeID.ReplaceAllString(got, "made")
			usage, _ := s.Usage()
			if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) || usage != wantUsage {
				t.Fatalf("by %d: %q %v %v\nwhole: %q %v %v", n, got, err, usage, want, wantErr, wantUsage)
			}
		}
	})
}
