package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/config"
)

func TestSmallestOfAsksAModelThatChatsAndElseOneThatCostsLittle(t *testing.T) {
	for name, c := range map[string]struct {
		engine, models, model, endpoint, purpose string
	}{
		"a chat":                  {"gpt", "gpt-4o", "gpt-4o", "chat/completions", ""},
		"a chat behind others":    {"gpt", "dall-e-3 tts-1 text-embedding-3-small gpt-4o-mini", "gpt-4o-mini", "chat/completions", ""},
		"embeddings among images": {"gpt", "dall-e-3 text-embedding-3-small", "text-embedding-3-small", "embeddings", "embeddings"},
		"ranking, not embeddings": {"gpt", "bge-reranker-v2-m3", "bge-reranker-v2-m3", "rerank", "ranking"},
		"moderation":              {"gpt", "omni-moderation-latest", "omni-moderation-latest", "moderations", "moderation"},
		"images alone":            {"gpt", "gpt-image-1", "gpt-image-1", "", "images"},
		"speech alone":            {"gpt", "whisper-1 gpt-4o-mini-tts", "whisper-1", "", "speech"},
		"videos alone":            {"gpt", "sora-2", "sora-2", "", "videos"},
		"an engine for one thing": {"embedding", "anything", "anything", "embeddings", "embeddings"},
		"searching":               {"search", "search", "search", "search", "searching"},
		"an engine for images":    {"dalle", "anything", "anything", "", "images"},
	} {
		t.Run(name, func(t *testing.T) {
			var models []config.Model
			for _, m := range strings.Fields(c.models) {
				models = append(models, config.Model{Upstream: m, Alias: "an alias of " + m})
			}
			number, way := smallestOf(c.engine, models)
			if models[number].Upstream != c.model || string(way.endpoint) != c.endpoint || way.purpose != c.purpose || (way.body == nil) != (c.endpoint == "") {
				t.Errorf("model %s at %q for %q, want %s at %q for %q", models[number].Upstream, way.endpoint, way.purpose, c.model, c.endpoint, c.purpose)
			}
		})
	}
}

func TestAskAllAsksAFewKeysOfAProviderAtATimeAndTellsInTheirOrder(t *testing.T) {
	const keys = 3 * mostAskedOfOne
	var under, most atomic.Int64
	arrived := make(chan bool, keys)
	together := make(chan bool)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		arrived <- true
		select {
		case <-together:
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.Header.Get("Authorization"), "-03") {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"error":{"message":"not you"}}`)
			return
		}
		io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"length"}]}`)
	}))
	defer up.Close()
	var list []string
	for i := range keys {
		list = append(list, fmt.Sprintf("sk-up-%02d", i))
	}
	cfg, err := config.Parse("api.yaml", fmt.Appendf(nil, "providers: [{provider: up, base_url: %q, api: [%s], model: [m]}]\napi_keys: [{api: sk-client-0123456789abcdef}]\n",
		up.URL+"/v1/chat/completions", strings.Join(list, ", ")), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // each may go on when as many as may be are there
		for range mostAskedOfOne {
			<-arrived
		}
		close(together)
	}()
	planned, told := 0, []Asked(nil)
	if err := AskAll(cfg, 30*time.Second, func(all []Asked) { planned = len(all) }, func(a Asked) { told = append(told, a) }); err != nil {
		t.Fatal(err)
	}
	if planned != keys || len(told) != keys || most.Load() != mostAskedOfOne {
		t.Errorf("%d planned and %d told of %d keys, %d at a time; want %d", planned, len(told), keys, most.Load(), mostAskedOfOne)
	}
	for i, a := range told {
		status := 200
		if i == 3 {
			status = 403
		}
		if a.key != i || a.Status != status || (a.Wrong == "") != (status == 200) {
			t.Errorf("key %d is told as %+v", i, a)
		}
	}
}
