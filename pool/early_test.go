package pool

import (
	"bytes"
	"net/http"
	"testing"

	"uniapi/pool/pooltest"
)

// TestEarlyRefusalEndsNoReuse has upstreams that refuse a large request by its head, keep the connection, and answer
// what they take its body for.
func TestEarlyRefusalEndsNoReuse(t *testing.T) {
	large := *post
	large.Body = [][]byte{bytes.Repeat([]byte("x"), 2*inlineBody)}
	const garbled = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
	for _, status := range []string{"400 Bad Request", "413 Content Too Large", "401 Unauthorized", "429 Too Many Requests", "503 Service Unavailable"} {
		var heard told
		for way, tg := range ways(t, func(p *pooltest.Peer) {
			req, err := http.ReadRequest(p.Reader)
			for ; err == nil; req, err = http.ReadRequest(p.Reader) {
				if req.ContentLength < inlineBody {
					_, _ = p.Reader.Discard(int(req.ContentLength))
					p.Say(pooltest.OKAnswer)
					continue
				}
				p.Say("HTTP/1.1 " + status + "\r\nContent-Length: 2\r\n\r\nno" + garbled)
				p.HangUp()
				return
			}
		}, Options{OnStray: heard.hear}) {
			for range 3 {
				mustFetch(t, tg)
				got, _, err := fetch(tg, &large, patient)
				if err != nil || got < 400 {
					t.Fatalf("%s: %d, %v", way, got, err)
				}
			}
			mustFetch(t, tg)
			mustFetch(t, tg)
			// Each refusal needs a new connection, and nothing else does: the address is used again at once.
			tg.mu.Lock() // the pool sweeps meanwhile
			idle := len(tg.idle)
			tg.mu.Unlock()
			if s := tg.pool.Stats(); s.Strays != 0 || s.Reused == 0 || idle != 1 {
				t.Errorf("%s, %s: %+v, %d idle", way, status, s, idle)
			}
		}
		if lines := heard.all(); len(lines) > 0 {
			t.Errorf("%s: strays were told of: %v", status, lines)
		}
	}
}
