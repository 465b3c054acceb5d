package provider

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/pooltest"
)

func TestCohereIsFoundAtWhateverAddressIsGiven(t *testing.T) {
	for _, test := range []struct {
		name, base           string
		chat, rerank, embeds string
	}{
		{"its own", "", "/v2/chat", "/v2/rerank", "/compatibility/v1/embeddings"},
		{"its own in full", "https://api.cohere.com/v2/chat", "/v2/chat", "/v2/rerank", "/compatibility/v1/embeddings"},
		{"the host alone", "https://api.cohere.com/", "/v2/chat", "/v2/rerank", "/compatibility/v1/embeddings"},
		{"the version", "https://api.cohere.com/v2", "/v2/chat", "/v2/rerank", "/compatibility/v1/embeddings"},
		{"the first API, which uni-api used", "https://api.cohere.com/v1/chat", "/v2/chat", "/v2/rerank", "/compatibility/v1/embeddings"},
		{"a gateway", "https://x.example/cohere/v2/chat?tenant=a", "/cohere/v2/chat?tenant=a", "/cohere/v2/rerank?tenant=a", "/cohere/compatibility/v1/embeddings?tenant=a"},
		{"a path of one's own", "https://x.example/ask/chat", "/ask/chat", "/ask/v2/rerank", "/ask/compatibility/v1/embeddings"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pool.New(pool.Options{})
			defer p.Close()
			channel, err := NewAdapters(p).Channel(&config.Config{}, &config.Provider{BaseURL: test.base, Engine: "cohere", Keys: []string{"k1", "k2"}})
			if err != nil {
				t.Fatal(err)
			}
			for _, end := range []struct {
				endpoint     Endpoint
				path, format string
			}{{Chat, test.chat, "cohere"}, {Rerank, test.rerank, "openai"}, {Embeddings, test.embeds, "openai"}} {
				ask := Ask{Endpoint: end.endpoint, Model: "m", Key: 1}
				var req pool.Request
				if _, err := channel.Address(new(pool.Call), &req, ask); err != nil {
					t.Fatal(err)
				}
				if got := channel.Format(ask); req.Path != end.path || got != end.format {
					t.Errorf("%s is at %s in %s, want %s in %s", end.endpoint, req.Path, got, end.path, end.format)
				}
				if !strings.Contains(string(req.Header), "Authorization: Bearer k2\r\n") {
					t.Errorf("header %q", req.Header)
				}
			}
			if _, err := channel.Address(new(pool.Call), new(pool.Request), Ask{Endpoint: Speech}); !errors.Is(err, ErrNoEndpoint) {
				t.Errorf("speech: %v", err)
			}
		})
	}
}

func TestCoheresModelsAreThoseForChat(t *testing.T) {
	asked := make(chan string, 1)
	up := pooltest.Listen(t, func(p *pooltest.Peer) {
		for {
			req, _, ok := p.Request()
			if !ok {
				return
			}
			asked <- req.Method + " " + req.URL.String() + " " + req.Header.Get("Authorization")
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{\"models\":[{\"name\":\"command-a-x\"}]} ")
		}
	})
	p := openPool(t)
	channel, err := NewAdapters(p).Channel(&config.Config{}, &config.Provider{BaseURL: "http://" + up.Addr + "/v2/chat", Engine: "cohere", Keys: []string{"k"}})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := channel.Models(new(pool.Call), unhurried)
	if err != nil || !slices.Equal(ids, []string{"command-a-x"}) {
		t.Errorf("%q, %v", ids, err)
	}
	if got := <-asked; got != "GET /v1/models?endpoint=chat&page_size=1000 Bearer k" {
		t.Errorf("asked %q", got)
	}
}
