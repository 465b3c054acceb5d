package anthropic

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/flows"
	"uniapi/codec/passthrough"
)

// frame is an event as Anthropic sends it.
func frame(data string) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(data, `{"type":"`), `"`)
	return "event: " + kind + "\ndata: " + data + "\n\n"
}

var (
	opening = frame(`{"type":"message_start","message":{"id":"msg_1","model":"c","content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":2,"output_tokens":1}}}`)
	pinged  = frame(`{"type":"ping"}`)
	block   = frame(`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	closed  = frame(`{"type":"content_block_stop","index":0}`)
	counted = finishing("end_turn")
	stopped = frame(`{"type":"message_stop"}`)
	vertexs = frame(`{"type":"vertex_event","usage":{"input_tokens":9,"output_tokens":1}}`)
	unknown = frame(`{"type":"yet_to_come","usage":{"input_tokens":9,"output_tokens":1}}`)
	before  = opening + pinged + block
	behind  = closed + counted + stopped
)

func delta(text string) string {
	return frame(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + text + `"}}`)
}

func finishing(reason string) string {
	return frame(`{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},"usage":{"output_tokens":9}}`)
}

func newPass(triggers ...string) *passthrough.Stream {
	s := new(passthrough.Stream)
	s.Reset(new(Inspector), triggers...)
	return s
}

func TestStreamPassesByteForByte(t *testing.T) {
	whole := before + delta("a") + pinged + delta(`\n`) + behind
	nameless := strings.NewReplacer("event: message_start\n", "", "event: content_block_delta\n", "", "event: message_delta\n", "",
		"event: message_stop\n", "").Replace(whole)
	for _, c := range []struct{ name, stream, want string }{
		{"an ordinary stream", whole, whole},
		{"CRLF lines", strings.ReplaceAll(whole, "\n", "\r\n"), strings.ReplaceAll(whole, "\n", "\r\n")},
		{"events without names", nameless, nameless},
		{"members in another order", strings.ReplaceAll(whole, `{"type":"content_block_delta","index":0,`, `{"index":0,"type":"content_block_delta",`),
			strings.ReplaceAll(whole, `{"type":"content_block_delta","index":0,`, `{"index":0,"type":"content_block_delta",`)},
		{"no message_stop behind a stop reason", before + delta("a") + closed + counted, before + delta("a") + behind},
		{"Vertex's own events", vertexs + opening + vertexs + pinged + block + delta("a") + vertexs + behind, before + delta("a") + behind},
		{"events that are not known", before + unknown + delta("a") + behind, before + unknown + delta("a") + behind},
		{"one that is not known, as the first", unknown + before + delta("a") + behind, unknown + before + delta("a") + behind},
		{"a refusal that says nothing", opening + finishing("refusal") + stopped, opening + finishing("refusal") + stopped},
	} {
		for n := 1; n <= len(c.stream); n++ {
			s := newPass()
			got, err := flows.Run(s, c.stream, n)
			u, _ := s.Usage()
			if got != c.want || err != nil || !s.Done() || u != (codec.Usage{Prompt: 14, Cached: 7, CacheWrite: 2, Completion: 9}) {
				t.Errorf("%s, by %d bytes: %v, usage %+v, got\n%q", c.name, n, err, u, got)
				break
			}
		}
	}
}

func TestAnswerBeginsWithWhatItSays(t *testing.T) {
	start := func(block string) string {
		return frame(`{"type":"content_block_start","index":0,"content_block":` + block + `}`)
	}
	thinking := start(`{"type":"thinking","thinking":"","signature":""}`)
	for _, c := range []struct {
		name, event string
		begins      bool
	}{
		{"the start", opening, false},
		{"a ping", opening + pinged, false},
		{"an empty text", opening + block, false},
		{"an empty piece of text", opening + block + delta(""), false},
		{"a piece of text", opening + block + delta("x"), true},
		{"a text that is in its start", opening + start(`{"type":"text","text":"x"}`), true},
		{"thinking that is not shown", opening + thinking + frame(`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}`) + closed, false},
		{"thinking", opening + thinking + frame(`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`), true},
		{"thinking that cannot be read", opening + start(`{"type":"redacted_thinking","data":"x"}`), true},
		{"a call", opening + start(`{"type":"tool_use","id":"t","name":"f","input":{}}`), true},
		{"a hosted tool", opening + start(`{"type":"server_tool_use","id":"t","name":"web_search","input":{}}`), true},
	} {
		s := newPass()
		out, err := s.Push([]byte(c.event))
		if err != nil || s.Started() != c.begins || c.begins && string(out) != c.event || !c.begins && out != nil {
			t.Errorf("%s: begun %v, %v, %q", c.name, s.Started(), err, out)
		}
	}
}

func TestFailedStreamSaysWhatIsWrong(t *testing.T) {
	overloaded := frame(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`)
	for _, c := range []struct {
		name, stream, sent, says string
		status                   int
		class                    codec.Class
	}{
		{"an error first", overloaded, "", "Overloaded", 503, codec.Unready},
		{"an error before anything is said", before + overloaded, "", "Overloaded", 503, codec.Unready},
		{"an error within", before + delta("a") + overloaded, before + delta("a"), "Overloaded", 503, codec.Unready},
		{"an error of a proxy", before + "event: error\ndata: {\"message\":\"gone\"}\n\n", "", "gone", 502, codec.Semantic},
		{"a limit as bare JSON", `{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}`, "", "slow down", 429, codec.RateLimit},
		{"an answer in another format", "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", "", "another format", 502, codec.Semantic},
		{"nothing", "", "", "empty", 502, codec.Semantic},
		{"an answer that says nothing", before + behind, "", "empty", 502, codec.Semantic},
		{"a cut before anything is said", before, "", "ended before", 502, codec.Cut},
		{"a cut within", before + delta("a") + delta("b")[:50], before + delta("a"), "ended before", 502, codec.Cut},
		{"broken JSON in the place of the end", before + delta("a") + "event: message_delta\ndata: {\"type\":\n\n", before + delta("a"), "ended before", 502, codec.Cut},
		{"a trigger", before + delta("no policy"), "", "error trigger", 502, codec.Semantic},
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

func TestLargeBlockPassesInPieces(t *testing.T) {
	pad := strings.Repeat("JVBE", 100<<10)
	stream := opening + frame(`{"type":"content_block_start","index":0,"content_block":{"type":"web_fetch_tool_result","content":{"data":"`+pad+`"}}}`) + behind
	for _, n := range []int{1000, 1 << 20} {
		if out, err := flows.Run(newPass(), stream, n); out != stream || err != nil {
			t.Errorf("by %d: %v, %d bytes of %d", n, err, len(out), len(stream))
		}
	}
	large := frame(`{"type":"error","error":{"type":"api_error","message":"` + pad + `"}}`)
	for _, lead := range []string{"", before, before + delta("a")} {
		if out, err := flows.Run(newPass(), lead+large, 5000); err == nil || strings.Contains(out, "api_error") {
			t.Errorf("a large error: %v, %d bytes came", err, len(out))
		}
	}
}

func TestCheckAnswerTellsAnAnswerFromWhatIsNone(t *testing.T) {
	message := func(content, reason string) string {
		return `{"type":"message","content":` + content + `,"stop_reason":"` + reason + `","usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":2}}`
	}
	for _, c := range []struct {
		name, body, says string
		status           int
	}{
		{"text", message(`[{"type":"text","text":"x"}]`, "end_turn"), "", 0},
		{"a call", message(`[{"type":"tool_use","id":"t","name":"f","input":{}}]`, "tool_use"), "", 0},
		{"nothing for want of tokens", message(`[]`, "max_tokens"), "", 0},
		{"a refusal", message(`[]`, "refusal"), "", 0},
		{"nothing", message(`[]`, "end_turn"), "empty", 502},
		{"an empty text", message(`[{"type":"text","text":""}]`, "end_turn"), "empty", 502},
		{"an error", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "Overloaded", 503},
		{"a page", `<html><title>Oh no</title></html>`, "Oh no", 502},
		{"another format", `{"choices":[{"message":{"content":"x"}}]}`, "another format", 502},
		{"a trigger in escapes", message(`[{"type":"text","text":"\u4f60\u597d"}]`, "end_turn"), "trigger", 502},
	} {
		u, err := CheckAnswer([]byte(c.body), []string{"你好"})
		var e *codec.Error
		switch {
		case c.says == "":
			if err != nil || u != (codec.Usage{Prompt: 5, Cached: 2, Completion: 4}) {
				t.Errorf("%s: %v, usage %+v", c.name, err, u)
			}
		case !errors.As(err, &e) || e.Status != c.status || !strings.Contains(e.Message, c.says):
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

func TestPartsMakesTheBodyThatAHostTakes(t *testing.T) {
	invoke := Format{Version: "bedrock-2023-05-31", OmitStream: true, Betas: []string{"a-1", "b-2"}}
	for _, c := range []struct {
		name string
		host Format
		body string
		want string
	}{
		{"Anthropic", Format{}, `{"model":"m","stream":true, "new":1.50}`, `{"model":"up","stream":true, "new":1.50}`},
		{"Vertex", Vertex, `{"model":"m","anthropic_version":"own","stream":true}`, `{"anthropic_version":"vertex-2023-10-16","stream":true}`},
		{"Bedrock", invoke, `{"stream":true,"x":1,"anthropic_beta":["own"],"model":"m"}`,
			`{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-1","b-2"],"x":1}`},
		{"Bedrock without betas", Format{Version: "v", OmitStream: true}, `{"model":"m"}`, `{"anthropic_version":"v"}`},
	} {
		h, err := ReadHead([]byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		var scratch []byte
		var dst [][]byte
		if got := string(bytes.Join(h.Parts(nil, []byte(c.body), "up", c.host, &scratch), nil)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		body := []byte(c.body)
		if n := testing.AllocsPerRun(100, func() {
			scratch = scratch[:0]
			dst = h.Parts(dst[:0], body, "up", c.host, &scratch)
		}); n > 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// begun is a stream whose answer has begun.
func begun(t testing.TB) *passthrough.Stream {
	t.Helper()
	s := newPass()
	if _, err := s.Push([]byte(before + delta("a"))); err != nil || !s.Started() {
		t.Fatal(err)
	}
	return s
}

func TestEventsThatPassDoNotAllocate(t *testing.T) {
	flows.AllocateNothing(t, begun(t), []byte(delta("b")+pinged+delta(`\"`)+closed+block))
}

func FuzzPassthrough(f *testing.F) {
	for _, s := range []string{before + delta("a") + behind, opening + finishing("max_tokens"), before + delta("a") + frame(`{"type":"error","error":{}}`), `{"type":"error"}`} {
		f.Add(s, uint16(1), uint16(7))
	}
	f.Fuzz(func(t *testing.T, stream string, a, b uint16) {
		flows.SameInPieces(t, func() flows.Flow { return newPass("trigger") }, stream, 1, int(a)+1, int(b)%20+1)
	})
}

func BenchmarkPassthrough(b *testing.B) {
	one := []byte(delta(strings.Repeat("word ", 16)))
	b.Run("one event a push", func(b *testing.B) { flows.Benchmark(b, begun(b), one, 1) })
	b.Run("50 events a push", func(b *testing.B) { flows.Benchmark(b, begun(b), bytes.Repeat(one, 50), 50) })
}
