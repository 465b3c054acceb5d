package openai

import (
	"errors"
	"strings"
	"testing"

	"uniapi/codec"
)

func answer(message, finish string) string {
	return `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":` + message + `,"finish_reason":"` + finish + `"}],` +
		`"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}`
}

func TestAnswersThatSaySomethingPass(t *testing.T) {
	for _, body := range []string{
		answer(`{"content":"hi"}`, "stop"),
		answer(`{"content":"","reasoning_content":"hm"}`, "stop"),
		answer(`{"content":null,"refusal":"no"}`, "stop"),
		answer(`{"content":null,"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]}`, "tool_calls"),
		answer(`{"content":null,"function_call":{"name":"f","arguments":"{}"}}`, "function_call"),
		answer(`{"content":null,"audio":{"id":"a","data":"AAAA"}}`, "stop"),
		answer(`{"content":[{"type":"text","text":"hi"}]}`, "stop"),
		answer(`{"content":""}`, "length"),
		answer(`{"content":""}`, "content_filter"),
		`{"choices":[{"text":"hi"}],"usage":{"prompt_tokens":5,"completion_tokens":7}}`,
		`{"data":[{"b64_json":"AAAA"}],"usage":{"input_tokens":5,"output_tokens":7}}`,
		`{"error":null,` + answer(`{"content":"hi"}`, "stop")[1:],
		`{"error":{"message":"","type":"","param":"","code":null},` + answer(`{"content":"hi"}`, "stop")[1:],
		`{"base_resp":{"status_code":0,"status_msg":""},` + answer(`{"content":"hi"}`, "stop")[1:],
	} {
		u, err := CheckAnswer([]byte(body), []string{"trigger"})
		if err != nil || u.Prompt != 5 || u.Completion != 7 {
			t.Errorf("%s: %v %+v", body, err, u)
		}
	}
}

func TestAnswersThatAreNoneAreErrors(t *testing.T) {
	for _, c := range []struct {
		name, body, says string
		status           int
		class            codec.Class
	}{
		{"error object", `{"error":{"message":"quota exhausted","code":429}}`, "quota exhausted", 429, codec.RateLimit},
		{"error with a type only", `{"error":{"message":"slow down","type":"rate_limit_error"}}`, "slow down", 429, codec.RateLimit},
		{"error without anything to go by", `{"error":{"message":"oops","code":null}}`, "oops", 502, codec.Semantic},
		{"error text", `{"error":"oops","choices":[{"message":{"content":"hi"}}]}`, "oops", 502, codec.Semantic},
		{"message without an error", `{"object":"error","message":"no such thing","code":404}`, "no such thing", 404, codec.NotFound},
		{"empty", answer(`{"content":""}`, "stop"), "empty response", 502, codec.Semantic},
		{"null", answer(`{"content":null,"tool_calls":[]}`, "stop"), "empty response", 502, codec.Semantic},
		{"no choices", `{"choices":[]}`, "empty response", 502, codec.Semantic},
		{"no bytes", ``, "empty response", 502, codec.Semantic},
		{"HTML", `<!doctype html><title>Sign in</title>`, "Sign in", 502, codec.Semantic},
		{"text", "not here\nsecond line", "not JSON: not here", 502, codec.Semantic},
		{"array", `[1]`, "an array where", 502, codec.Semantic},
		{"cut", answer(`{"content":"hi"}`, "stop")[:60], "not JSON", 502, codec.Semantic},
		{"failed finish", answer(`{"content":""}`, "insufficient_system_resource"), "could not finish", 502, codec.Semantic},
		{"trigger", answer(`{"content":"a trigger in it"}`, "stop"), "error trigger 'trigger'", 502, codec.Semantic},
	} {
		_, err := CheckAnswer([]byte(c.body), []string{"trigger"})
		var e *codec.Error
		if !errors.As(err, &e) || e.Status != c.status || e.Class != c.class || !strings.Contains(e.Message, c.says) || !e.InAnswer {
			t.Errorf("%s: got %+v", c.name, err)
		}
	}
}

func TestCheckAnswerDoesNotAllocate(t *testing.T) {
	body := []byte(answer(`{"role":"assistant","content":"`+strings.Repeat(`words and \"words\"\n`, 5)+`"}`, "stop"))
	if allocs := testing.AllocsPerRun(100, func() {
		if _, err := CheckAnswer(body, nil); err != nil {
			t.Fatal(err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzCheckAnswer(f *testing.F) {
	f.Add([]byte(answer(`{"content":"hi"}`, "stop")))
	f.Add([]byte(`{"error":{"code":"x","message":5}}`))
	f.Add([]byte(`[{"error":[]}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := CheckAnswer(body, []string{"x\u00e9"})
		if e := (*codec.Error)(nil); err != nil && (!errors.As(err, &e) || e.Message == "" || e.Status < 400 || e.Status > 599) {
			t.Fatalf("%#v", err)
		}
		if e := codec.ReadError(500, "", body); e.Message == "" || e.Type == "" || e.Status < 400 {
			t.Fatalf("%#v", e)
		}
	})
}

func BenchmarkCheckAnswer(b *testing.B) {
	for name, n := range map[string]int{"1KB": 40, "100KB": 4000} {
		body := []byte(answer(`{"role":"assistant","content":"`+strings.Repeat(`words and \"words\"\n and so`, n)+`"}`, "stop"))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := CheckAnswer(body, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
