package pool

import (
	"strings"
	"testing"
	"uniapi/pool/pooltest"
)

func TestTapHearsTheWholeBodyAndNoMore(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 20_000)
	answers := []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 320000\r\n\r\n" + large,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
	}
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		for _, answer := range answers {
			if _, _, ok := p.Request(); !ok {
				return
			}
			p.Say(answer)
		}
		p.HangUp()
	})
	tg := direct(t, u)
	for i, want := range []string{large, "hello, world", ""} { // to the last nobody listens
		var call Call
		resp, err := tg.Do(&call, post, patient)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Tap != nil || resp.Reused != (i > 0) {
			t.Errorf("answer %d: it has a tap: %v; reused: %v", i, resp.Tap != nil, resp.Reused)
		}
		var heard []byte
		if i < 2 {
			resp.Tap = func(p []byte) { heard = append(heard, p...) }
		}
		if _, err := resp.AppendBody(nil, 0); err != nil {
			t.Fatal(err)
		}
		resp.Close()
		if string(heard) != want {
			t.Errorf("answer %d: %d bytes were heard, not %d", i, len(heard), len(want))
		}
	}
}
