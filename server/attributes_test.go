package server

import (
	"fmt"
	"strings"
	"testing"
)

// A limit on the tokens of a prompt holds for the clients of every format: the text has 40 characters, which are 10
// tokens.
func TestTokensOfAPromptAreCountedInEveryFormat(t *testing.T) {
	text := strings.Repeat("x", 40)
	for path, body := range map[string]string{
		"/v1/chat/completions":                    `{"model":"m","messages":[{"role":"user","content":"TEXT"}]}`,
		"/v1/chat/completions?parts":              `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"TEXT"}]}]}`,
		"/v1/chat/completions?mixed":              `{"model":"m","input":[{"role":"user","content":"TEXT"}]}`,
		"/v1/responses":                           `{"model":"m","input":"TEXT"}`,
		"/v1/responses?items":                     `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"TEXT"}]}]}`,
		"/v1/messages":                            `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"TEXT"}]}]}`,
		"/v1/messages/count_tokens":               `{"model":"m","messages":[{"role":"user","content":"TEXT"}]}`,
		"/v1/responses/input_tokens":              `{"model":"m","input":"TEXT"}`,
		"/v1beta/models/m:generateContent":        `{"contents":[{"role":"user","parts":[{"text":"TEXT"}]}]}`,
		"/v1/chat/completions?system":             `{"model":"m","messages":[{"role":"system","content":"TEXT"},{"role":"user","content":""}]}`,
		"/v1/chat/completions?assistant":          `{"model":"m","messages":[{"role":"assistant","content":"TEXT"},{"role":"user","content":""}]}`,
		"/v1/responses?instructions":              `{"model":"m","instructions":"TEXT","input":""}`,
		"/v1/messages?system":                     `{"model":"m","max_tokens":9,"system":"TEXT","messages":[{"role":"user","content":""}]}`,
		"/v1beta/models/m:generateContent?system": `{"systemInstruction":{"parts":[{"text":"TEXT"}]},"contents":[{"role":"user","parts":[{"text":""}]}]}`,
		"/v1/completions":                         `{"model":"m","prompt":"","suffix":"TEXT"}`,
		"/v1/embeddings":                          `{"model":"m","input":[["TEXT"]]}`,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			for most, refused := range map[int]bool{9: true, 10: false} {
				g := start(t, providerOf("p", listen(t, both)), keyed(fmt.Sprintf("rate_limit: %d/tpr", most)))
				a := g.do("POST", path, strings.ReplaceAll(body, "TEXT", text), "Authorization", "Bearer "+clientKeyText)
				if (a.StatusCode == 413) != refused || !refused && a.StatusCode != 200 {
					t.Errorf("%d/tpr: %d %s", most, a.StatusCode, a.body)
				}
			}
		})
	}
}

// Codex asks for a compaction at an endpoint of its own, or by an item of an ordinary request.
func TestRequestForACompactionIsKnownAsOne(t *testing.T) {
	for body, compacts := range map[string]bool{
		`{"model":"m","input":"compaction_trigger"}`:                                                              false,
		`{"model":"m","input":[{"type":"message","role":"user","content":"compaction_trigger"}]}`:                 false,
		`{"model":"m","input":[{"role":"user","content":"hi"},{"type":"compaction_trigger"}]}`:                    true,
		`{"model":"m","stream":true,"input":[{"type":"\u0063ompaction_trigger"},{"role":"user","content":"hi"}]}`: true,
	} {
		plain, compact := listen(t, both), listen(t, both)
		g := start(t, providerOf("plain", plain, "    exclude_request_types: compaction\n"), providerOf("compact", compact, "    only_request_types: compaction\n"), keyed(""))
		for _, path := range []string{"/v1/responses", "/v1/chat/completions"} {
			g.do("POST", path, body, "Authorization", "Bearer "+clientKeyText)
		}
		n, c := len(plain.requests()), len(compact.requests())
		if want := map[bool][2]int{false: {2, 0}, true: {0, 2}}[compacts]; [2]int{n, c} != want {
			t.Errorf("%s: %d ordinary requests and %d compactions", body, n, c)
		}
	}
}
