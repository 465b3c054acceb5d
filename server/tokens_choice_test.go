package server

import (
	"fmt"
	"testing"
)

// Moonshot counts in the last choice of a stream, and what came from its cache beside the halves.
func TestUsageInsideAChoiceCountsHoweverItIsSent(t *testing.T) {
	const counted = `{"prompt_tokens":1234,"completion_tokens":567,"total_tokens":1801,"cached_tokens":1000}`
	const fractions = `{"prompt_tokens":1233.4,"completion_tokens":566.2,"total_tokens":1800.5,"cached_tokens":999.5}`
	for _, usage := range []string{counted, fractions} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
			for _, stream := range []bool{false, true} {
				said := reply(200, jsonKind, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop","usage":`+usage+`}]}`)
				if stream {
					said = streamHeadOnly + `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}]}` + "\n\n" +
						`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":` + usage + `}]}` + "\n\n" + doneEvent
				}
				up := listen(t, func(p *peer, _ seen) bool {
					p.say(said)
					return false
				})
				g := start(t, providerOf("p", up))
				g.do("POST", path, fmt.Sprintf(`{"model":"m","max_tokens":9,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`, stream), asClient...)
				line := g.log.Next(t, "request")
				if line["prompt_tokens"] != 1234.0 || line["completion_tokens"] != 567.0 || line["cached_tokens"] != 1000.0 || line["estimated"] != nil {
					t.Errorf("%s, stream %t, %s: %v", path, stream, usage, line)
				}
			}
		}
	}
}
