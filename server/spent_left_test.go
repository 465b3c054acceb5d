package server

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// A provider bills what it was sent, also if nobody waits for its answer any more.
func TestWhoLeavesBeforeTheAnswerBeginsPaysForWhatWasSent(t *testing.T) {
	prompt := strings.Repeat("word ", 4000) // 5,000 tokens
	for _, c := range []struct{ path, body string }{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":%q}]}`},
		{"/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":%q}]}`},
		{"/v1/messages", `{"model":"m","max_tokens":10,"messages":[{"role":"user","content":%q}]}`},
		{"/v1/responses", `{"model":"m","input":%q}`},
		{"/v1/embeddings", `{"model":"m","input":%q}`},
		{"/v1/completions", `{"model":"m","prompt":%q}`},
	} {
		for _, again := range []bool{false, true} { // over a connection that served before, or a new one
			name := fmt.Sprintf("%s %.30s, again %v", c.path, c.body, again)
			waiting := make(chan struct{}, 1)
			up := listen(t, func(p *peer, r seen) bool {
				if !strings.Contains(r.body, "word word") {
					return both(p, r)
				}
				waiting <- struct{}{}
				p.gone()
				return false
			})
			s := &stage{gateway: start(t, providerOf("p", up), "preferences:\n  cooldown_period: 0\n  model_price: {default: \"1000,2000\"}\n")}
			if again {
				s.charge(func() { s.chat(plainRequest) })
			}
			got := s.charge(func() {
				client := s.dial()
				client.send(strings.Replace(chatText(fmt.Sprintf(c.body, prompt)), "/v1/chat/completions", c.path, 1))
				receive(t, waiting, "the provider has the request")
				client.Close()
			})
			if got.costs(t, name); got.status != statusClientGone || !got.estimated || got.completion != 0 || got.prompt < 5000 || got.prompt > 5060 {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

func TestWhoLeavesBeforeAnythingWasSentPaysNothing(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // that never shakes hands
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := &stage{gateway: start(t, "  - {provider: p, base_url: https://"+silent.Addr().String()+"/v1/chat/completions, api: sk-up, model: [m]}\n", "preferences:\n  cooldown_period: 0\n  model_price: {default: \"1000,2000\"}\n")}
	got := s.charge(func() {
		client := s.dial()
		client.post(plainRequest)
		eventually(t, "it is being served", func() bool { return s.inFlight.Load() == 1 })
		client.Close()
	})
	if got.nano != 0 || got.prompt != 0 || got.status != statusClientGone {
		t.Errorf("%+v", got)
	}
}
