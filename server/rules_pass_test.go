package server

import (
	"strings"
	"testing"
)

func TestWhatAGeminiModelWouldRefuseIsNotPassedAndTold(t *testing.T) {
	const answer = `{"candidates":[{"content":{"role":"model","parts":[{"text":"x"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"totalTokenCount":1},"responseId":"r"}`
	up := listen(t, func(p *peer, _ seen) bool {
		p.say(reply(200, jsonKind, answer))
		return false
	})
	const models = "    engine: gemini\n    api: " + upstreamKeyText + "\n    model: [gemini-2.0-flash, gemini-2.5-pro, gemini-3-pro-preview]\n"
	g := startWith(t, Options{Requests: t.TempDir()}, "  - provider: g\n    base_url: http://"+up.addr+"/v1beta\n"+models+"    preferences: {capabilities: {like: google}}\n"+
		"  - provider: relay\n    base_url: http://"+up.addr+"/v1beta\n    engine: gemini\n    api: "+upstreamKeyText+"\n    model: [{gemini-2.0-flash: at-a-relay}]\n", keyed(""), "preferences: {request_log: metadata}\n")
	around := func(config string) string {
		return `{"contents":[{"role":"user", "parts":[{"text":"hi"}]}], "generationConfig": ` + config + `, "unknown" : 1}`
	}
	for _, test := range []struct{ name, model, sent, want, told string }{
		{"a level where nothing thinks", "gemini-2.0-flash", `{"topP":1,"thinkingConfig":{"thinkingLevel":"LOW"}}`, `{"topP":1}`, "generationConfig.thinkingConfig"},
		{"a level as tokens", "gemini-2.5-pro", `{"thinkingConfig":{"thinkingLevel":"LOW"},"presencePenalty":1}`, `{"thinkingConfig":{"thinkingBudget":1024}}`, "generationConfig.thinkingConfig.thinkingLevel, generationConfig.presencePenalty"},
		{"both", "gemini-3-pro-preview", `{"thinkingConfig":{"thinkingLevel":"LOW","thinkingBudget":9}}`, `{"thinkingConfig":{"thinkingLevel":"LOW"}}`, "generationConfig.thinkingConfig.thinkingBudget"},
		{"stops", "gemini-2.5-pro", `{"stopSequences":["1","2","3","4","5","6"]}`, `{"stopSequences":["1","2","3","4","5"]}`, ""},
		{"nothing to change", "gemini-2.5-pro", `{ "topK" : 1 }`, `{ "topK" : 1 }`, ""},
		{"a host of which nothing is known", "at-a-relay", `{"thinkingConfig":{"thinkingLevel":"LOW"}}`, `{"thinkingConfig":{"thinkingLevel":"LOW"}}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := g.do("POST", "/v1beta/models/"+test.model+":generateContent", around(test.sent), append([]string{"X-Debug-Attempts", "1"}, asClient...)...)
			all := up.requests()
			if got := all[len(all)-1].body; a.StatusCode != 200 || got != around(test.want) {
				t.Errorf("%d, sent %s: %s", a.StatusCode, got, a.body)
			}
			_, told, _ := strings.Cut(a.Header.Get("X-Debug-Attempts"), "ms without ")
			if told != test.told {
				t.Errorf("told %q", a.Header.Get("X-Debug-Attempts"))
			}
			if line := g.log.Next(t, "attempt"); test.told != "" && line["left_out"] != test.told {
				t.Errorf("logged %v", line)
			}
		})
	}
}
