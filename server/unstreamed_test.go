package server

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/server/servertest"
)

// Some hosts let a model think only where its answer is streamed. Clients that want the whole at once get it all the
// same.
func TestAnswerAtOnceIsMadeOfAStreamWhereAHostThinksInStreamsAlone(t *testing.T) {
	stream := streamHead + chunk(named("", `{"id":"c1","choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}`)+named("", servertest.ChatEvent(`"hi"`))+stopEvent+usageEvent+doneEvent) + chunk("")
	for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
		up := listen(t, says(stream))
		g := start(t, fmt.Sprintf("  - provider: p\n    base_url: http://%s/v1/chat/completions\n    api: %s\n    model: [m]\n    preferences: {capabilities: {thinks: default, refuses: [unstreamed_thinking]}}\n", up.addr, upstreamKeyText))
		a := g.do("POST", path, `{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"q"}]}`, "Authorization", "Bearer "+clientKeyText)
		if a.StatusCode != 200 || !strings.Contains(a.body, `"hi"`) || !strings.Contains(a.body, `"hm"`) || strings.Contains(a.body, "data: ") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
		if asked := up.requests(); len(asked) != 1 || !strings.Contains(asked[0].body, `"stream":true`) {
			t.Errorf("%s: asked %v", path, asked)
		}
	}
}
