package formats

import (
	"encoding/json"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/capability"
	"uniapi/codec/fit"
	"uniapi/codec/formats/openai"
)

// toChat is what a host that speaks chat gets of a client's request.
func toChat(t *testing.T, host, model string, client codec.Format, request any) string {
	t.Helper()
	body, _ := json.Marshal(request)
	q, err := client.DecodeRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	target := capability.Find(capability.Query{Host: host, Format: capability.Chat, Model: model})
	repaired, _, err := alternation.Repair(q, client, openai.Format{}, target)
	if err != nil {
		t.Fatal(err)
	}
	fitted, _ := fit.Request(repaired, target)
	out, err := openai.Format{}.EncodeRequest(nil, fitted, model)
	if err != nil {
		t.Fatal(err)
	}
	return string(openai.NewRules(target, model).EditTranslated(out))
}

func TestThinkingThatMistralSignedComesBackToMistralAlone(t *testing.T) {
	part := func(text, more string) string {
		return `{"type":"thinking","thinking":[{"type":"text","text":"` + text + `"}]` + more + `}`
	}
	const signed, answer = `,"signature":"sig+/="`, `,{"type":"text","text":"a"}`
	chunk := func(content, finish string) string {
		return `data: {"id":"c","choices":[{"index":0,"delta":{"content":[` + content + `]},"finish_reason":` + finish + `}]}` + "\n\n"
	}
	stream := chunk(part("h", ""), "null") + chunk(part("m", signed)+answer, `"stop"`) + "data: [DONE]\n\n"
	plain := `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":[` + part("hm", signed) + answer + `]},"finish_reason":"stop"}]}`
	want := `"content":[` + part("hm", signed+`,"closed":true`) + answer + `]`
	for _, client := range clientsTurns {
		format := All[client.format]
		whole, err := openai.Format{}.DecodeResponse([]byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.Unmarshal(format.EncodeResponse(nil, whole, &codec.Request{Model: "m"}), &body); err != nil {
			t.Fatal(err)
		}
		for how, kept := range map[string]any{"plain": client.whole(t, body), "streamed": client.streamed(t, dataOf(t, openai.Format{}, format, stream))} {
			next := client.next(kept)
			if got := toChat(t, "api.mistral.ai", "mistral-medium-latest", format, next); !strings.Contains(got, want) {
				t.Errorf("%s, %s: Mistral gets %s", client.format, how, got)
			}
			for host, model := range map[string]string{"api.openai.com": "gpt-5", "openrouter.ai": "m", "api.groq.com": "m", "api.mistral.ai": "codestral-latest", "api.deepseek.com": "deepseek-v4-pro", "relay.example": "m"} {
				if got := toChat(t, host, model, format, next); strings.Contains(got, "sig+") || strings.Contains(got, "mistral-chat") {
					t.Errorf("%s, %s: %s gets %s", client.format, how, host, got)
				}
			}
		}
	}
}
