package responses

import (
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
)

// A client that keeps nothing but calls, Google's field or Anthropic's brings sealed thinking back with the id of its
// item, without which OpenAI does not take it.
func TestSealedThinkingComesBackWithItsIDThroughEveryClient(t *testing.T) {
	const said = `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"x","output":[{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"c2VhbGVk"},CALL],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`
	const call = `{"id":"fc_1","type":"function_call","call_id":"call_1","name":"f","arguments":"{}","status":"completed"}`
	const words = `{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}`
	for _, test := range []struct {
		name string
		to   codec.Format
		ask  *codec.Request
	}{
		{"chat", openai.Format{}, &codec.Request{}},
		{"messages", anthropic.Format{}, &codec.Request{}},
		{"gemini", gemini.Format{}, &codec.Request{}},
		{"gemini that shows thoughts", gemini.Format{}, &codec.Request{Reasoning: &codec.Reasoning{Summary: "auto"}}},
	} {
		for _, led := range []string{call, words} {
			if led == words && test.name == "gemini" {
				continue // it is shown no thoughts, and words have no place for a proof
			}
			a, err := Format{}.DecodeResponse([]byte(strings.Replace(said, "CALL", led, 1)))
			if err != nil {
				t.Fatal(err)
			}
			body := test.to.EncodeResponse(nil, a, test.ask)
			q, err := test.to.DecodeRequest(sentBack(test.to.Name(), body))
			if err != nil {
				t.Fatalf("%s: %v in %s", test.name, err, body)
			}
			out, err := Format{}.EncodeRequest(nil, q, "gpt-5")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out), `"type":"reasoning","id":"rs_1","summary":[`) || !strings.Contains(string(out), `"encrypted_content":"c2VhbGVk"`) || strings.Count(string(out), `"reasoning"`) != 1 {
				t.Errorf("%s: %s\nbecame %s", test.name, body, out)
			}
		}
	}
}

// sentBack is the next request of a client that was answered so.
func sentBack(format string, answer []byte) []byte {
	cut := func(after, before string) string {
		_, rest, _ := strings.Cut(string(answer), after)
		inner, _, _ := strings.Cut(rest, before)
		return inner
	}
	switch format {
	case "openai":
		return []byte(`{"model":"m","messages":[{"role":"user","content":"q"},` + cut(`"message":`, `,"logprobs"`) + `]}`)
	case "anthropic":
		return []byte(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":` + cut(`"content":`, `,"stop_reason"`) + `}]}`)
	}
	return []byte(`{"contents":[{"role":"user","parts":[{"text":"q"}]},` + cut(`"content":`, `,"finishReason"`) + `]}`)
}

func TestSealedThinkingWithoutAnIDStaysAsItIs(t *testing.T) {
	for _, test := range []struct{ id, sealed, value string }{
		{"rs_1", "abc", "rs_1.abc"}, {"", "abc", "abc"}, {"other", "abc", "abc"}, {"rs_a.b", "abc", "abc"},
	} {
		value := named(test.id, test.sealed)
		id, sealed := unnamed(value)
		if value != test.value || sealed != test.sealed || id != "" && id != test.id {
			t.Errorf("%q and %q: %q, back %q and %q", test.id, test.sealed, value, id, sealed)
		}
	}
}
