package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// What a provider has answered under ids that OpenAI refuses is answered and sent on under others, where that is
// wanted.
func TestItemsOfResponsesHaveTheIDsThatAreWanted(t *testing.T) {
	const (
		answer = `{"id":"resp_1","object":"response","status":"completed","model":"r","output":[{"type":"custom_tool_call","id":"item_1","call_id":"c","name":"f","input":"x"}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}`
		events = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n" +
			"event: response.custom_tool_call_input.delta\ndata: {\"type\":\"response.custom_tool_call_input.delta\",\"item_id\":\"item_1\",\"delta\":\"x\"}\n\n" +
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" + answer + "}\n\n"
		compacted = `{"id":"c","object":"response.compaction","output":[{"type":"custom_tool_call","id":"item_1"}]}`
		request   = `{"model":"r","input":[{"type":"custom_tool_call","id":"item_1","call_id":"item_1","name":"f","input":"x"}]}`
	)
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.Contains(string(body), `"stream":true`):
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, events)
		case strings.HasSuffix(r.URL.Path, "/compact"):
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, compacted)
		default:
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, answer)
		}
	})
	for _, c := range []struct {
		name, models, path, stream, answer string
		changed                            bool
	}{
		{"all models", "true", "/v1/responses", "", answer, true},
		{"this model", "[other, r]", "/v1/responses", "", answer, true},
		{"the provider's name of it", "[real]", "/v1/responses", "", answer, true},
		{"a stream", "true", "/v1/responses", `,"stream":true`, events, true},
		{"a compaction", "true", "/v1/responses/compact", "", compacted, true},
		{"another model", "[other]", "/v1/responses", "", answer, false},
		{"none", "false", "/v1/responses", `,"stream":true`, events, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, up.section("/v1/responses\n    preferences:\n      normalize_responses_custom_tool_call_ids: "+c.models, "real: r"))
			want, asked := c.answer, `{"type":"custom_tool_call","id":"item_1","call_id":"item_1"`
			if c.changed {
				want = strings.NewReplacer(`"id":"item_1"`, `"id":"ctc_1"`, `"item_id":"item_1"`, `"item_id":"ctc_1"`).Replace(want)
				asked = strings.Replace(asked, `"id":"item_1"`, `"id":"ctc_1"`, 1)
			}
			a := g.do("POST", c.path, strings.TrimSuffix(request, "}")+c.stream+"}", asClient...)
			if a.StatusCode != 200 || a.body != want {
				t.Errorf("%d %s, want %s", a.StatusCode, a.body, want)
			}
			if body := up.last(t).body; !strings.Contains(body, asked) || !strings.Contains(body, `"model":"real"`) {
				t.Errorf("the provider was asked %s", body)
			}
		})
	}
}
