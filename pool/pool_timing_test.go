package pool

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"uniapi/pool/pooltest"
)

// cheapUpstream answers every request of a connection with the same bytes, without looking at more than the body's
// length.
func cheapUpstream(b testing.TB, bodyLen int, answer []byte) *pooltest.Upstream {
	return pooltest.Listen(b, func(p *pooltest.Peer) {
		br := bufio.NewReaderSize(p.Conn, 64<<10)
		for {
			for {
				line, err := br.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(line) == 2 {
					break
				}
			}
			if _, err := br.Discard(bodyLen); err != nil {
				return
			}
			if _, err := p.Write(answer); err != nil {
				return
			}
		}
	})
}

func stream(events int, event string) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range events {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(event), event)
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

var event = "data: " + strings.Repeat("x", 192) + "\n\n"

func benchmarkExchange(b *testing.B, scheme string, requestLen int, answer []byte) {
	roots, serverTLS := pooltest.Authority(b)
	o := Options{}
	u := cheapUpstream(b, requestLen, answer)
	if scheme == "https" {
		o.TLS = pooltest.ClientTLS(roots)
		u = pooltest.Listen(b, pooltest.OverTLS(serverTLS, func(p *pooltest.Peer) {
			for {
				if _, _, ok := p.Request(); !ok {
					return
				}
				_, _ = p.Write(answer)
			}
		}))
	}
	tg := target(b, newPool(b, o), scheme, u.Addr, "")
	req := &Request{
		Method: "POST", Path: "/v1/chat/completions", Body: [][]byte{bytes.Repeat([]byte("x"), requestLen/2), bytes.Repeat([]byte("y"), requestLen-requestLen/2)},
		Header: []byte("Authorization: Bearer sk-0123456789\r\nContent-Type: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: x\r\n"),
	}
	var call Call
	var body []byte
	exchange := func() {
		call.Reset()
		resp, err := tg.Do(&call, req, patient)
		if err != nil {
			b.Fatal(err)
		}
		if body, err = resp.AppendBody(body[:0], 0); err != nil {
			b.Fatal(err)
		}
		resp.Close()
	}
	exchange()
	b.ReportAllocs()
	for b.Loop() {
		exchange()
	}
}

func BenchmarkExchange(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		answer := "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 600\r\n\r\n" + strings.Repeat("x", 600)
		benchmarkExchange(b, "http", 400, []byte(answer))
	})
	b.Run("large request", func(b *testing.B) { benchmarkExchange(b, "http", 200_000, []byte(pooltest.OKAnswer)) })
	b.Run("stream of 50 chunks", func(b *testing.B) { benchmarkExchange(b, "http", 400, stream(50, event)) })
	b.Run("tls", func(b *testing.B) { benchmarkExchange(b, "https", 400, []byte(pooltest.OKAnswer)) })
}

// BenchmarkLoopback is the part of BenchmarkExchange/plain that is not ours: one write, one read, on both sides.
func BenchmarkLoopback(b *testing.B) {
	u := cheapUpstream(b, 400, bytes.Repeat([]byte("x"), 720))
	p := newPool(b, Options{})
	c, err := p.dialer.Dial("tcp", u.Addr)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	req := append([]byte("POST / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("H: "+strings.Repeat("x", 40)+"\r\n", 4)+"\r\n"), bytes.Repeat([]byte("x"), 400)...)
	buf := make([]byte, 720)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(req); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFiftyKeys is what isolate_keys costs with 50 client keys that ask in turn: a search among the idle
// connections and as many more of those. Beside it, what a request costs whose key has none left.
func BenchmarkFiftyKeys(b *testing.B) {
	keys := make([]string, 50)
	for i := range keys {
		keys[i] = fmt.Sprintf("sk-%048d", i)
	}
	for _, scheme := range []string{"plain", "tls"} {
		for _, bench := range []struct {
			name string
			ask  func(req *Request, n int)
		}{
			{"shared", func(*Request, int) {}},
			{"isolated", func(req *Request, n int) { req.Owner = keys[n*7%len(keys)] }},
			{"of a new connection", func(req *Request, _ int) { req.Alone = true }},
		} {
			b.Run(bench.name+"/"+scheme, func(b *testing.B) {
				roots, serverTLS := pooltest.Authority(b)
				serve, protocol := pooltest.Always(pooltest.OKAnswer), "http"
				if scheme == "tls" {
					serve, protocol = pooltest.OverTLS(serverTLS, serve), "https"
				}
				tg := target(b, newPool(b, Options{TLS: pooltest.ClientTLS(roots)}), protocol, pooltest.Listen(b, serve).Addr, "")
				n := 0
				exchange := func() {
					req := *post
					bench.ask(&req, n)
					n++
					resp, err := tg.Do(new(Call), &req, patient)
					if err != nil {
						b.Fatal(err)
					}
					resp.Close()
				}
				for range keys {
					exchange()
				}
				for b.Loop() {
					exchange()
				}
				b.ReportMetric(float64(tg.pool.Stats().Open), "connections")
			})
		}
	}
}

func BenchmarkChunkDecoder(b *testing.B) {
	answer := stream(50, event)
	body := answer[bytes.Index(answer, []byte("\r\n\r\n"))+4:]
	buf := make([]byte, len(body))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		copy(buf, body) // the decoder moves the data together; the copy is 2 % of the time
		var d chunkDecoder
		d.reset(16 << 10)
		if data, _, err := d.decode(buf); err != nil || len(data) != 50*len(event) || !d.done() {
			b.Fatal(len(data), err)
		}
	}
}

// BenchmarkHangUpCheck is what it costs to look before a connection is used again.
func BenchmarkHangUpCheck(b *testing.B) {
	u := pooltest.Listen(b, pooltest.Always(pooltest.OKAnswer))
	tg := target(b, newPool(b, Options{}), "http", u.Addr, "")
	mustFetch(b, tg)
	c := tg.pop(post)
	defer tg.push(c)
	b.ReportAllocs()
	for b.Loop() {
		if found := c.look(); found != silence {
			b.Fatal(found)
		}
	}
}
