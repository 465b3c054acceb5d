package server

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/valyala/fasthttp"
)

// BenchmarkKeptAliveRequest is what a request costs between the socket and the
// handler: fasthttp, the connection's deadlines, the bounds.
func BenchmarkKeptAliveRequest(b *testing.B) {
	g := start(b, "  - {provider: p, base_url: 'http://127.0.0.1:9/v1/chat/completions', api: k, model: [m]}\n")
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	reader := bufio.NewReader(c)
	var answer fasthttp.Response
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		if err := answer.Read(reader); err != nil {
			b.Fatal(err)
		}
	}
}
