package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/internal/flows"
	"uniapi/codec/passthrough"
)

func object(candidates, rest string) string {
	return `{"candidates": [` + candidates + `],"usageMetadata": {"promptTokenCount": 8,"candidatesTokenCount": 3,"thoughtsTokenCount": 2,"totalTokenCount": 13}` + rest + `}`
}

func framed(data string) string { return "data: " + data + "\r\n\r\n" }

func piece(part string) string {
	return framed(object(`{"content": {"parts": [`+part+`]},"index": 0}`, ""))
}

func wordsPiece(text string) string { return piece(`{"text": "` + text + `"}`) }

func ending(reason string) string {
	return framed(object(`{"finishReason": "`+reason+`","index": 0}`, ""))
}

func newPass(triggers ...string) *passthrough.Stream {
	s := new(passthrough.Stream)
	s.Reset(new(Inspector), triggers...)
	return s
}

func newArray() *ArrayStream {
	s := new(ArrayStream)
	s.Reset(new(Inspector))
	return s
}

func TestStreamPassesByteForByte(t *testing.T) {
	call := piece(`{"functionCall": {"name": "f","args": {"a": 1}},"thoughtSignature": "c2ln"}`)
	empty := wordsPiece("")
	for _, c := range []struct{ name, stream, want string }{
		{"an ordinary stream", wordsPiece("a") + wordsPiece("b") + wordsPiece(`\n`) + ending("STOP"), ""},
		{"LF lines", strings.ReplaceAll(wordsPiece("a")+wordsPiece("b")+ending("STOP"), "\r", ""), ""},
		{"a call", call + ending("STOP"), ""},
		{"empty pieces before the answer", empty + empty + wordsPiece("a") + ending("STOP"), ""},
		{"counts behind the finish", wordsPiece("a") + ending("STOP") + framed(object("", "")), ""},
		{"a finish beside the text", framed(object(`{"content": {"parts": [{"text": "a"}]},"finishReason": "STOP"}`, "")), ""},
		{"all tokens spent on thinking", ending("MAX_TOKENS"), ""},
		{"an answer that was filtered out", ending("SAFETY"), ""},
		{"[DONE] of a proxy", wordsPiece("a") + ending("STOP") + "data: [DONE]\n\n", wordsPiece("a") + ending("STOP")},
		{"a page behind the finish", wordsPiece("a") + ending("STOP") + "<html>\n\n", wordsPiece("a") + ending("STOP")},
		{"no empty line at the end", wordsPiece("a") + strings.TrimSuffix(ending("STOP"), "\r\n"), wordsPiece("a") + strings.TrimSuffix(ending("STOP"), "\r\n") + "\n"},
	} {
		if c.want == "" {
			c.want = c.stream
		}
		for n := 1; n <= len(c.stream); n++ {
			s := newPass()
			got, err := flows.Run(s, c.stream, n)
			u, _ := s.Usage()
			if got != c.want || err != nil || !s.Started() || u != (codec.Usage{Prompt: 8, Completion: 5, Reasoning: 2, Total: 13}) {
				t.Errorf("%s, by %d bytes: %v, usage %+v, got\n%q", c.name, n, err, u, got)
				break
			}
		}
	}
}

func TestFailedStreamSaysWhatIsWrong(t *testing.T) {
	quota := `{"error": {"code": 429,"message": "Quota exceeded","status": "RESOURCE_EXHAUSTED"}}`
	for _, c := range []struct {
		name, stream, sent, says string
		status                   int
		class                    codec.Class
	}{
		{"an error first", framed(quota), "", "Quota", 429, codec.RateLimit},
		{"an error behind an empty piece", wordsPiece("") + framed(quota), "", "Quota", 429, codec.RateLimit},
		{"an error within", wordsPiece("a") + framed(quota), wordsPiece("a"), "Quota", 429, codec.RateLimit},
		{"an error as bare JSON", "[" + quota + "]", "", "Quota", 429, codec.RateLimit},
		{"an error as bare JSON behind a finish", ending("STOP") + wordsPiece("a") + quota, ending("STOP") + wordsPiece("a"), "Quota", 429, codec.RateLimit},
		{"a refused prompt", framed(`{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}`), "", "PROHIBITED_CONTENT", 400, codec.ContentPolicy},
		{"a broken call", ending("MALFORMED_FUNCTION_CALL"), "", "MALFORMED_FUNCTION_CALL", 502, codec.Semantic},
		{"an answer that says nothing", wordsPiece("") + ending("STOP"), "", "empty", 502, codec.Semantic},
		{"nothing", "", "", "empty", 502, codec.Semantic},
		{"no finish", wordsPiece("a") + wordsPiece("b"), wordsPiece("a") + wordsPiece("b"), "ended before", 502, codec.Cut},
		{"half an event", wordsPiece("a") + wordsPiece("b")[:30], wordsPiece("a"), "ended before", 502, codec.Cut},
		{"a trigger", wordsPiece("no policy"), "", "error trigger", 502, codec.Semantic},
	} {
		for n := 1; n <= len(c.stream)+1; n++ {
			out, err := flows.Run(newPass("policy"), c.stream, n)
			var e *codec.Error
			if !errors.As(err, &e) || out != c.sent || e.Status != c.status || e.Class != c.class || !strings.Contains(e.Message, c.says) {
				t.Errorf("%s by %d: %+v, sent %q", c.name, n, e, out)
				break
			}
		}
	}
}

func TestInlineImagePassesInPieces(t *testing.T) {
	stream := framed(object(`{"content": {"parts": [{"inlineData": {"mimeType": "image/png","data": "`+strings.Repeat("iVBO", 500<<10)+`"}}]},"finishReason": "STOP"}`, ""))
	for _, lead := range []string{"", wordsPiece("a")} {
		for _, n := range []int{1000, 16 << 10, 10 << 20} {
			s := newPass()
			out, err := flows.Run(s, lead+stream, n)
			if u, _ := s.Usage(); out != lead+stream || err != nil || u.Prompt != 8 {
				t.Errorf("by %d: %v, usage %+v, %d bytes of %d", n, err, u, len(out), len(lead+stream))
			}
			array, err := flows.Run(newArray(), lead+stream, n)
			var list []json.RawMessage
			if json.Unmarshal([]byte(array), &list) != nil || err != nil || framed(string(list[len(list)-1])) != stream {
				t.Errorf("by %d: as an array: %v, %d elements", n, err, len(list))
			}
		}
	}
	if _, err := flows.Run(newPass(), wordsPiece("a")+stream[:1<<20], 5000); err == nil || err.(*codec.Error).Class != codec.Cut {
		t.Errorf("a cut image: %v", err)
	}
	pad := strings.Repeat("x", 100<<10)
	for _, failure := range []string{`{"error": {"code": 400,"message": "bad"},"pad": "` + pad + `"}`, `{"error": {"message": "` + pad + `"}}`} {
		if out, err := flows.Run(newPass(), framed(failure), 5000); err == nil || out != "" {
			t.Errorf("a large error: %v, %d bytes came", err, len(out))
		}
	}
}

func TestStreamBecomesAnArrayForAClientThatAskedForOne(t *testing.T) {
	for _, c := range []struct{ name, stream, want string }{
		{"CRLF lines", "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\ndata: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n",
			"[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]},\r\n{\"candidates\":[{\"finishReason\":\"STOP\"}]}]"},
		{"comments, ids and no space", ": hi\n\nid: 1\ndata:{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}\n\n: ho\n\n",
			"[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}]"},
		{"several data lines", "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\r\ndata: \"finishReason\":\"STOP\"}]}\r\n\r\n",
			"[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\n\"finishReason\":\"STOP\"}]}]"},
		{"CR lines", "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}\r\rdata: {}\r\r",
			"[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]},\r\n{}]"},
	} {
		for n := 1; n <= len(c.stream); n++ {
			got, err := flows.Run(newArray(), c.stream, n)
			if got != c.want || err != nil || !json.Valid([]byte(got)) {
				t.Errorf("%s, by %d bytes: %v, got\n%q", c.name, n, err, got)
				break
			}
		}
	}
}

func TestBrokenArrayIsClosedBehindTheError(t *testing.T) {
	s := new(ArrayStream)
	for range 2 { // the second stream knows nothing of the first
		s.Reset(new(Inspector))
		out, err := flows.Run(s, wordsPiece("a")+wordsPiece("b"), 1000)
		var e *codec.Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		var list []struct{ Error struct{ Code int } }
		if whole := s.Fail([]byte(out), e); json.Unmarshal(whole, &list) != nil || len(list) != 3 || list[2].Error.Code != 502 {
			t.Errorf("got %s", whole)
		}
	}
	s.Reset(new(Inspector))
	if got := s.Fail(nil, codec.CutShort()); !json.Valid(got) {
		t.Errorf("before the first element: %s", got)
	}
}

func TestCheckAnswerTellsAnAnswerFromWhatIsNone(t *testing.T) {
	answer := func(candidate string) string { return "{\n" + object(candidate, "")[1:] + "\n" }
	for _, c := range []struct {
		name, body, says string
		status           int
	}{
		{"text", answer(`{"content": {"parts": [{"text": "x"}]},"finishReason": "STOP"}`), "", 0},
		{"all tokens spent on thinking", answer(`{"finishReason": "MAX_TOKENS"}`), "", 0},
		{"nothing", answer(`{"content": {"parts": []},"finishReason": "STOP"}`), "empty", 502},
		{"a refused prompt", `{"promptFeedback": {"blockReason": "SAFETY"}}`, "SAFETY", 400},
		{"an error", `{"error": {"code": 503,"message": "overloaded"}}`, "overloaded", 503},
		{"a page", `<html><title>Oh no</title></html>`, "Oh no", 502},
		{"an array", `[` + answer(`{"content": {"parts": [{"text": "x"}]}}`) + `]`, "an array", 502},
		{"an error in an array", `[{"error": {"code": 503,"message": "overloaded"}}]`, "overloaded", 503},
		{"another format", `{"choices":[]}`, "empty", 502},
		{"a trigger in escapes", answer(`{"content": {"parts": [{"text": "\u4f60\u597d"}]},"finishReason": "STOP"}`), "trigger", 502},
	} {
		u, err := CheckAnswer([]byte(c.body), []string{"你好"})
		var e *codec.Error
		switch {
		case c.says == "":
			if err != nil || u.Total != 13 {
				t.Errorf("%s: %v, usage %+v", c.name, err, u)
			}
		case !errors.As(err, &e) || e.Status != c.status || !strings.Contains(e.Message, c.says):
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

func TestEventsThatPassDoNotAllocate(t *testing.T) {
	events := []byte(textFrame("one") + textFrame("zwölf 你好") + textFrame(`\"`))
	flows.AllocateNothing(t, newPass(), events)
	flows.AllocateNothing(t, newArray(), events)
}

func FuzzPassthrough(f *testing.F) {
	for _, s := range []string{wordsPiece("a") + wordsPiece("b") + ending("STOP"), ending("SAFETY"), wordsPiece("a") + `{"error":{"code":429}}`, "data: {\r\rdata\r\r\n"} {
		f.Add(s, uint16(1), uint16(7))
	}
	f.Fuzz(func(t *testing.T, stream string, a, b uint16) {
		sizes := []int{1, int(a) + 1, int(b)%20 + 1}
		flows.SameInPieces(t, func() flows.Flow { return newPass("trigger") }, stream, sizes...)
		flows.SameInPieces(t, func() flows.Flow { return newArray() }, stream, sizes...)
	})
}

func BenchmarkPassthrough(b *testing.B) {
	one := []byte(textFrame("a few words of it"))
	b.Run("one event a push", func(b *testing.B) { flows.Benchmark(b, newPass(), one, 1) })
	b.Run("20 events a push", func(b *testing.B) { flows.Benchmark(b, newPass(), bytes.Repeat(one, 20), 20) })
	b.Run("one element a push", func(b *testing.B) { flows.Benchmark(b, newArray(), one, 1) })
}
