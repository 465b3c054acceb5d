package server

import (
	"fmt"
	"strings"
	"testing"
)

// What a provider says of its key in an answer that passes as it comes is taken out
// as in an error, and an error that such an answer begins with is one.
func TestAnswersThatPassAsTheyComeShowNoSecrets(t *testing.T) {
	const secret = "sk-proj-0a1b2c3d4e5f6g7h8i9jKLMNOPqrstuv"
	failure := `{"error":{"message":"Incorrect API key provided: ` + secret + `","type":"invalid_request_error"}}`
	for _, c := range []struct {
		name, kind, text string
		failed           bool // so that another channel is asked
	}{
		{"events that begin with an error", eventsKind, "data: " + failure + "\n\n", true},
		{"events with a name that begin with an error", eventsKind, "event: error\ndata: " + failure + "\n\n", true},
		{"a text that is an error", "text/plain", failure, true},
		{"a text with the key", "text/plain", "the key " + secret + " is wrong", false},
		{"events with an error behind others", eventsKind, "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AAAA\"}\n\ndata: " + failure + "\n\n", false},
		{"a comment", eventsKind, ": " + secret + "\n\ndata: {\"type\":\"x\"}\n\n", false},
	} {
		for path, body := range map[string]string{
			"/v1/images/generations": `{"model":"m","prompt":"x","stream":true}`, "/v1/audio/speech": `{"model":"m","input":"x"}`,
			"/v1/embeddings": `{"model":"m","input":"x"}`, "/v1/rerank": `{"model":"m","query":"x","documents":["y"]}`,
		} {
			// Of these a stream is none, whatever is in it.
			failed := c.failed || c.kind == eventsKind && (path == "/v1/embeddings" || path == "/v1/rerank")
			t.Run(c.name+" "+path, func(t *testing.T) {
				bad := listen(t, func(p *peer, _ seen) bool { p.say(reply(200, c.kind, c.text)); return true })
				good := listen(t, func(p *peer, _ seen) bool { p.say(reply(200, jsonKind, `{"data":[],"good":true}`)); return true })
				g := start(t, providerOf("bad", bad, "    api: "+secret+"\n    model: [m]\n"), providerOf("good", good), "preferences: {SCHEDULING_ALGORITHM: fixed_priority}\n")
				a := g.do("POST", path, body, "Authorization", "Bearer "+clientKeyText)
				if strings.Contains(a.body, secret[8:20]) || a.StatusCode != 200 || strings.Contains(a.body, "good") != failed {
					t.Error(fmt.Sprint(a.StatusCode, " ", a.body))
				}
				if !failed && len(a.body) < 20 {
					t.Errorf("nothing is left: %q", a.body)
				}
			})
		}
	}
}
