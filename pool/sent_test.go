package pool

import (
	"testing"

	"uniapi/pool/pooltest"
)

func TestACallKnowsWhetherItsRequestWasSent(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	got := make(chan struct{}, 1)
	silent := func(p *pooltest.Peer) {
		for n := 0; ; n++ {
			if _, _, ok := p.Request(); !ok {
				return
			}
			if n == 0 {
				p.Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				continue
			}
			got <- struct{}{}
		}
	}
	for scheme, serve := range map[string]func(*pooltest.Peer){"http": silent, "https": pooltest.OverTLS(serverTLS, silent)} {
		u := pooltest.Listen(t, serve)
		p := newPool(t, Options{TLS: pooltest.ClientTLS(roots)})
		tg := target(t, p, scheme, u.Addr, "")
		for name, size := range map[string]int{"small": 10, "large": 100 << 10} {
			req := &Request{Method: "POST", Path: "/", Body: [][]byte{make([]byte, size)}}
			call := new(Call)
			if call.Sent() {
				t.Errorf("%s, %s: sent before it was asked", scheme, name)
			}
			if _, _, err := fetch(tg, req, patient); err != nil { // so that there is a connection to use again
				t.Fatal(err)
			}
			go func() {
				<-got
				call.Cancel()
			}()
			if _, err := tg.Do(call, req, patient); err != ErrCanceled || !call.Sent() {
				t.Errorf("%s, %s: %v, sent %v", scheme, name, err, call.Sent())
			}
			call.Reset()
			call.Cancel()
			if _, err := tg.Do(call, req, patient); err != ErrCanceled || call.Sent() {
				t.Errorf("%s, %s, canceled before: %v, sent %v", scheme, name, err, call.Sent())
			}
		}
	}
	away := target(t, newPool(t, Options{}), "http", "127.0.0.1:1", "")
	call := new(Call)
	if _, err := away.Do(call, post, patient); err == nil || call.Sent() {
		t.Errorf("without a connection: %v, sent %v", err, call.Sent())
	}
}
