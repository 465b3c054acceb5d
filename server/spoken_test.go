package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestWhatIsJudgedOrCountedHasOneMeaning sends what a moderator and a provider could
// read in two ways, in each format.
func TestWhatIsJudgedOrCountedHasOneMeaning(t *testing.T) {
	up := act(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/moderations") {
			io.WriteString(w, `{"results":[{"flagged":false}]}`)
			return
		}
		io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}`)
	})
	key := func(preferences string) string {
		return "api_keys:\n  - {api: " + clientKeyText + ", model: [all], preferences: {" + preferences + "}}\n"
	}
	excluding := "    preferences: {api_key_rate_limit: 1000/tpr}\n"
	for _, c := range []struct {
		name, provider, key string
		refused             bool
	}{
		{"a moderator", "", key("ENABLE_MODERATION: true"), true},
		{"a key's limit", "", key("rate_limit: 1000/tpr"), true},
		{"a provider's limit", excluding, key(""), true},
		{"nobody", "", key(""), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, up.section("/v1", "m, omni-moderation-latest")+c.provider, c.key)
			for _, r := range []struct{ path, body, says string }{
				{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":"nice","content":"bad"}]}`, "'messages[1].content'"},
				{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"nice","\u0063ontent":"bad"}]}`, "'messages[0].content'"},
				{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"nice","Content":"bad"}]}`, "'messages[0].Content'"},
				{"/v1/chat/completions", `{"model":"m","messages":[{"role":"assistant","content":"bad","role":"user"}]}`, "'messages[0].role'"},
				{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"nice","text":"bad"}]}]}`, "'messages[0].content[0].text'"},
				{"/v1/responses", `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"nice","text":"bad"}]}]}`, "'input[0].content[0].text'"},
				{"/v1/messages", `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","type":"image","text":"bad"}]}]}`, "'messages[0].content[0].type'"},
				{"/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"nice"},{"text":"nice","text":"bad"}]}]}`, "'contents[0].parts[1].text'"},
				{"/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":"nice"}],"parts":[{"text":"bad"}]}]}`, "'contents[0].parts'"},
			} {
				before := len(up.asked)
				a := g.do("POST", r.path, r.body, asClient...)
				switch asked := len(up.asked) > before; {
				case c.refused && (a.StatusCode != 400 || asked || !strings.Contains(a.body, r.says)):
					t.Errorf("%s: %d %s; a provider was asked: %v", r.body, a.StatusCode, a.body, asked)
				case !c.refused && !asked:
					t.Errorf("%s: %d %s", r.body, a.StatusCode, a.body)
				}
			}
			plain := `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"nice","x":1,"x":2}]}]}`
			if a := g.do("POST", "/v1/chat/completions", plain, asClient...); a.StatusCode != 200 {
				t.Errorf("%s: %d %s", plain, a.StatusCode, a.body)
			}
		})
	}
}
