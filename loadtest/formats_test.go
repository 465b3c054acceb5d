package loadtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestMockSpeaksAnthropicAndGemini(t *testing.T) {
	url := serve(t, &Mock{Events: 50, Gap: 0})
	for _, tt := range []struct {
		path, body string
		stream     bool
		last       string // in the last event or in the answer
	}{
		{"/v1/messages", `{"stream":true}`, true, `"message_stop"`},
		{"/v1/messages", `{}`, false, `"stop_reason":"end_turn"`},
		{"/v1beta/models/gemini-x:streamGenerateContent?alt=sse", `{}`, true, `"finishReason":"STOP"`},
		{"/v1beta/models/gemini-x:generateContent", `{}`, false, `"finishReason":"STOP"`},
	} {
		t.Run(tt.path, func(t *testing.T) {
			resp, err := http.Post(url+tt.path, "application/json", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer := readAll(t, resp.Body)
			documents := []string{answer}
			if tt.stream {
				documents = documents[:0]
				for line := range strings.Lines(answer) {
					if data, ok := strings.CutPrefix(line, "data: "); ok {
						documents = append(documents, data)
					}
				}
				if len(documents) != 50 {
					t.Errorf("%d events, want 50", len(documents))
				}
			}
			for _, d := range documents {
				if !json.Valid([]byte(d)) {
					t.Errorf("not JSON: %s", d)
				}
			}
			if last := documents[len(documents)-1]; !strings.Contains(last, tt.last) {
				t.Errorf("the last is %s", last)
			}
		})
	}
}
