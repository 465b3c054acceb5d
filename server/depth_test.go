package server

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/codec/rawjson"
)

// nested is JSON that is nested so many levels deep.
func nested(levels int) string {
	return strings.Repeat(`{"a":[`, levels/2) + strings.Repeat(`]}`, levels/2)
}

// tooNested is what no reader of a request goes down, by the least that is.
const tooNested = rawjson.MaxDepth + 2

func TestJSONThatIsNestedTooDeepIsRefusedByEveryInboundAPI(t *testing.T) {
	up := listen(t, both)
	section := func(name, path, engine string) string {
		return fmt.Sprintf("  - {provider: %s, base_url: 'http://%s%s', engine: %s, api: %s, model: [{up-%s: %s}]}\n", name, up.addr, path, engine, upstreamKeyText, name, name)
	}
	g := start(t, section("gpt", "/v1/chat/completions", "gpt"), section("claude", "/v1/messages", "claude"), section("gemini", "/v1beta", "gemini"), section("responses", "/v1/responses", "responses"),
		section("cohere", "/v2/chat", "cohere"), "preferences: {cooldown_period: 0}\n", "api_keys: [{api: "+clientKeyText+", role: admin, model: [all], preferences: {AUTO_RETRY: false}}]\n")
	chat := `{"model":"MODEL","messages":[{"role":"user","content":"hi"}]`
	messages := `{"model":"MODEL","max_tokens":5,"messages":[{"role":"user","content":"hi"}]`
	generate := `{"contents":[{"parts":[{"text":"hi"}]}]`
	for _, c := range []struct{ path, body string }{
		{"/v1/chat/completions", chat + `,"x":DEEP}`},
		{"/v1/chat/completions", chat + `,"tools":[{"type":"function","function":{"name":"f","parameters":DEEP}}]}`},
		{"/v1/chat/completions", `{"model":"MODEL","messages":[{"role":"user","content":DEEP}]}`},
		{"/v1/chat/completions", `{"messages":DEEP,"model":"MODEL"}`},
		{"/v1/chat/completions", `{"model":"MODEL","input":DEEP}`},
		{"/v1/completions", `{"model":"MODEL","prompt":DEEP}`},
		{"/v1/responses", `{"model":"MODEL","input":DEEP}`},
		{"/v1/responses", `{"model":"MODEL","input":"hi","tools":[{"type":"function","name":"f","parameters":DEEP}]}`},
		{"/v1/responses/compact", `{"model":"MODEL","input":DEEP}`},
		{"/v1/responses/input_tokens", `{"model":"MODEL","input":DEEP}`},
		{"/v1/messages", messages + `,"x":DEEP}`},
		{"/v1/messages", messages + `,"tools":[{"name":"f","input_schema":DEEP}]}`},
		{"/v1/messages/count_tokens", messages + `,"x":DEEP}`},
		{"/v1beta/models/MODEL:generateContent", generate + `,"x":DEEP}`},
		{"/v1beta/models/MODEL:streamGenerateContent?alt=sse", generate + `,"tools":[{"functionDeclarations":[{"name":"f","parameters":DEEP}]}]}`},
		{"/v1beta/models/MODEL:countTokens", generate + `,"x":DEEP}`},
		{"/v1/embeddings", `{"model":"MODEL","input":DEEP}`},
		{"/v1/images/generations", `{"model":"MODEL","prompt":"x","x":DEEP}`},
		{"/v1/audio/speech", `{"model":"MODEL","input":"x","x":DEEP}`},
		{"/v1/moderations", `{"model":"MODEL","input":DEEP}`},
		{"/v1/rerank", `{"model":"MODEL","query":"x","documents":DEEP}`},
	} {
		for _, model := range []string{"gpt", "claude", "gemini", "responses", "cohere"} {
			for levels, refused := range map[int]bool{tooNested: true, 200_000: true, rawjson.MaxDepth - 20: false} {
				fill := strings.NewReplacer("MODEL", model, "DEEP", nested(levels)).Replace
				before := len(up.requests())
				a := g.do("POST", fill(c.path), fill(c.body), asClient...)
				asked := len(up.requests()) > before
				if refused && (a.StatusCode != 400 || asked) || a.StatusCode == 500 || !refused && strings.Contains(a.body, "4096 levels") {
					t.Errorf("%s with %.60s for %s, %d levels: %d %.200s; the provider was asked: %v", c.path, c.body, model, levels, a.StatusCode, a.body, asked)
				}
			}
		}
	}
	for _, body := range []string{`{"providers":` + nested(200_000) + `}`, nested(200_000)} {
		if a := g.do("POST", "/v1/api_config/update", body, asClient...); a.StatusCode < 400 || a.StatusCode >= 500 {
			t.Errorf("an update: %d %.200s", a.StatusCode, a.body)
		}
	}
}

func TestAnswerThatIsNestedTooDeepIsNone(t *testing.T) {
	deep := nested(200_000)
	for name, text := range map[string]string{
		"an answer": reply(200, jsonKind, `{"choices":[{"index":0,"message":{"role":"assistant","content":"x","x":`+deep+`},"finish_reason":"stop"}]}`),
		"an error":  reply(500, jsonKind, `{"error":`+deep+`}`),
		"a stream":  streamHead + chunk("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\",\"x\":"+deep+"}}]}\n\n") + chunk(doneEvent) + chunk(""),
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, providerOf("p", listen(t, says(text))))
			body := plainRequest
			if name == "a stream" {
				body = streamRequest
			}
			for _, path := range []string{"/v1/chat/completions", "/v1/messages"} { // as it comes, and translated
				if a := g.do("POST", path, strings.Replace(body, `"m",`, `"m","max_tokens":5,`, 1), asClient...); a.StatusCode < 500 && name == "an error" || strings.Contains(a.body, "internal_error") {
					t.Errorf("%s: %d %.200s", path, a.StatusCode, a.body)
				}
			}
		})
	}
}
