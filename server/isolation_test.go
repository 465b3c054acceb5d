package server

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// crossings is a provider that finds out which of its connections carried requests of several client keys.
type crossings struct {
	*upstream
	mu      sync.Mutex
	crossed []string // paths of requests that came behind those of another key
	came    int
}

// everything answers every endpoint well enough.
const everything = `{"id":"1","object":"chat.completion","created":1,"model":"m","results":[{"flagged":false}],"embedding":{"values":[1]},` +
	`"data":[{"object":"embedding","index":0,"embedding":[1]}],"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],` +
	`"predictions":[{"bytesBase64Encoded":"AA=="}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`

func listenCrossings(t *testing.T) *crossings {
	c := new(crossings)
	c.upstream = listenRaw(t, func(p *peer) {
		owner := ""
		for {
			req, err := http.ReadRequest(p.br)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			_, of, _ := strings.Cut(string(body), "said by ")
			of, _, _ = strings.Cut(of, ".")
			c.mu.Lock()
			if c.came++; of == "" || owner != "" && owner != of {
				c.crossed = append(c.crossed, req.URL.Path)
			}
			c.mu.Unlock()
			owner = of
			if strings.Contains(string(body), `"stream":true`) {
				p.say(streamOK)
			} else {
				p.say(reply(200, jsonKind, everything))
			}
		}
	})
	return c
}

func TestWhichConnectionsClientKeysShare(t *testing.T) {
	const keys = `api_keys:
  - {api: sk-of-the-first-client-00000, role: admin, model: [all], preferences: {ENABLE_MODERATION: true}}
  - {api: sk-of-the-second-client-1111, model: [all], preferences: {ENABLE_MODERATION: true}}
`
	for _, tt := range []struct {
		name, global, provider string
		shared                 bool
	}{
		{name: "by default", shared: true},
		{name: "isolated by the provider", provider: ", isolate_keys: true"},
		{name: "isolated for all", global: ", isolate_keys: true"},
		{name: "isolated for all but this provider", global: ", isolate_keys: true", provider: ", isolate_keys: false", shared: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := listenCrossings(t)
			more := "    model: [m, gemini-embedding-001, imagen-4, omni-moderation-latest]\n    preferences: {cooldown_period: 0" + tt.provider + "}\n"
			google := strings.Replace(providerOf("google", u.upstream, "    model: [gemini-embedding-001, imagen-4]\n    preferences: {cooldown_period: 0"+tt.provider+"}\n"), "/v1/chat/completions", "/v1beta", 1)
			g := start(t, providerOf("p", u.upstream, more), google, keys, "preferences: {cooldown_period: 0"+tt.global+"}\n")
			for range 3 {
				for _, client := range []string{"sk-of-the-first-client-00000", "sk-of-the-second-client-1111"} {
					said := "said by " + client[:16] + "."
					for path, body := range map[string]string{
						"/v1/chat/completions":   `{"model":"m","messages":[{"role":"user","content":"` + said + `"}]}`,
						"/v1/messages":           `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"` + said + `"}]}`,
						"/v1/embeddings":         `{"model":"gemini-embedding-001","input":"` + said + `"}`,
						"/v1/images/generations": `{"model":"imagen-4","prompt":"` + said + `"}`,
					} {
						g.do("POST", path, body, "Authorization", "Bearer "+client)
					}
				}
			}
			u.mu.Lock()
			defer u.mu.Unlock()
			if shared := len(u.crossed) > 0; shared != tt.shared || u.came < 24 {
				t.Errorf("of %d requests these came behind another key's: %q", u.came, u.crossed)
			}
			if accepted := u.open(); !tt.shared && accepted > 4 {
				t.Errorf("two clients that ask in turn have %d connections", accepted)
			}
		})
	}
}
