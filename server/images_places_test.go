package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"uniapi/server/budget"
)

// aPNG is what a file of that type begins with, and goes on.
const aPNG = "\x89PNG\r\n\x1a\nand so on"

// A key that has images fetched from a server that says nothing leaves connections
// for others.
func TestFetchesTogetherAreBoundedAndShared(t *testing.T) {
	const most = 8
	var now, highest atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for before := highest.Load(); n > before && !highest.CompareAndSwap(before, n); before = highest.Load() {
		}
		if strings.HasPrefix(r.URL.Path, "/slow") {
			<-r.Context().Done()
			return
		}
		io.WriteString(w, aPNG)
	}))
	defer host.Close()
	google := listen(t, func(p *peer, _ seen) bool {
		p.say(reply(200, jsonKind, `{"candidates":[{"content":{"role":"model","parts":[{"text":"hello"}]},"finishReason":"STOP"}]}`))
		return true
	})
	g := start(t, fmt.Sprintf("  - {provider: p, base_url: \"http://%s/v1beta\", engine: gemini, api: k, model: [m]}\n", google.addr), twoKeys, "preferences: {image_fetch: {allow: 127.0.0.1}, cooldown_period: 0}\n")
	g.fetches = budget.NewFetches(most)
	request := func(path string, images int) string {
		parts := ""
		for i := range images {
			parts += fmt.Sprintf(`,{"type":"image_url","image_url":{"url":"%s%s/%d"}}`, host.URL, path, i)
		}
		return `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}` + parts + `]}]}`
	}
	first := g.dial()
	first.post(request("/slow/0", 4))
	eventually(t, "the key has its part", func() bool { return now.Load() == 4 })
	var further []*client // two of them: the host may still see one fetch of each when its place is another's
	for i := range 2 {
		c := g.dial()
		c.post(request(fmt.Sprintf("/slow/%d", i+1), 4))
		further = append(further, c)
	}
	for _, c := range further {
		c.answer().failure(t, 503, "overloaded")
	}
	for i := range 3 {
		a := g.do("POST", "/v1/chat/completions", request(fmt.Sprint("/quick", i), 1), "Authorization", "Bearer "+otherKeyText)
		if a.StatusCode != 200 {
			t.Errorf("the other key, while %d are fetched: %d %s", now.Load(), a.StatusCode, a.body)
		}
	}
	first.Close()
	eventually(t, "all places are given back", func() bool { return g.fetches.Load() == 0 })
	if highest.Load() > most {
		t.Errorf("%d were fetched at a time, of %d", highest.Load(), most)
	}
	if a := g.do("POST", "/v1/chat/completions", request("/later", 4), "Authorization", "Bearer "+otherKeyText); a.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
}
