package conn

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/pool/pooltest"
)

// answerOf has as many bytes as a request says, all told, its head among them. That is how it can fill the buffer of
// answers to the byte.
func answerOf(ctx *fasthttp.RequestCtx) {
	size, _ := strconv.Atoi(string(ctx.Request.Header.Peek("Size")))
	mark := ctx.Request.Header.Peek("Mark")
	if len(ctx.Request.Header.Peek("Last")) > 0 {
		ctx.SetConnectionClose()
	}
	if len(ctx.Request.Header.Peek("Stream")) > 0 {
		if !ctx.Request.Header.IsHTTP11() {
			ctx.HijackSetNoResponse(true)
			ctx.Hijack(func(c net.Conn) {
				for _, piece := range []string{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", strings.Repeat(string(mark), size)} {
					io.WriteString(c, piece)
				}
			})
			return
		}
		ctx.Response.ImmediateHeaderFlush = true
		w := &streamed{size: size, mark: mark}
		w.chunks.CatchHead(ctx.Conn())
		ctx.Response.SetBodyStream(w, -1)
		return
	}
	ctx.SetBody(bytes.Repeat(mark, size))
	head := len(ctx.Response.Header.Header()) + len("Content-Length: \r\n") + len(strconv.Itoa(size))
	if size > head {
		ctx.SetBody(bytes.Repeat(mark, size-head))
	}
}

// streamed is a stream of one mark in a few chunks.
type streamed struct {
	chunks Chunks
	size   int
	mark   []byte
}

func (s *streamed) SupportsBodyWriteTo() bool { return true }
func (s *streamed) Read([]byte) (int, error)  { return 0, io.ErrUnexpectedEOF }
func (s *streamed) WriteTo(io.Writer) (int64, error) {
	s.chunks.Begin()
	all := bytes.Repeat(s.mark, s.size)
	half := len(all) / 2
	n, err := s.chunks.Write(all[:half])
	if err == nil {
		_, err = s.chunks.Finish(all[half:])
	}
	return int64(n), err
}

// An answer is all there for a client that waits for it before it does anything else, whatever its size and however it
// is asked for, and is nobody else's.
func TestAnswerOfAnySizeArrivesBeforeAnythingElseHappens(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	for scheme, options := range map[string]*tls.Config{"http": nil, "https": serverTLS} {
		t.Run(scheme, func(t *testing.T) {
			g, err := NewGroup(GroupOptions{Most: 1000, Strangers: 900, MaxBody: 1 << 20, Times: &UsualTimes, TLS: options, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(g.Close)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := &fasthttp.Server{
				Handler: answerOf, WriteBufferSize: WriteBuffer, StreamRequestBody: true, NoDefaultDate: true, NoDefaultServerHeader: true, NoDefaultContentType: true,
				ConnState: func(over net.Conn, state fasthttp.ConnState) {
					switch state {
					case fasthttp.StateActive:
						Of(over).Begin()
					case fasthttp.StateIdle:
						Of(over).Rest(over)
					}
				},
			}
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(g.Listen(ln.(*net.TCPListener))) }()
			t.Cleanup(func() {
				g.Stop()
				<-ended
			})
			visit := func() (net.Conn, *bufio.Reader) {
				c, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if options != nil {
					ours := pooltest.ClientTLS(roots)
					ours.ServerName = "127.0.0.1"
					c = tls.Client(c, ours)
				}
				c.SetDeadline(time.Now().Add(patience)) // what is held for more that does not come would not be there by then
				return c, bufio.NewReader(c)
			}
			var sizes []int
			for _, n := range []int{1, 2, 3, 8, 9} {
				sizes = append(sizes, n*WriteBuffer-1, n*WriteBuffer, n*WriteBuffer+1)
			}
			for name, asked := range map[string][]string{
				"kept":                      {"POST / HTTP/1.1\r\nContent-Length: 2\r\n", "{}"},
				"the last":                  {"POST / HTTP/1.1\r\nLast: 1\r\nContent-Length: 2\r\n", "{}"},
				"HTTP/1.0":                  {"POST / HTTP/1.0\r\nContent-Length: 2\r\n", "{}"},
				"a stream":                  {"POST / HTTP/1.1\r\nStream: 1\r\nContent-Length: 2\r\n", "{}"},
				"a stream to HTTP/1.0":      {"POST / HTTP/1.0\r\nStream: 1\r\nContent-Length: 2\r\n", "{}"},
				"a body that has not come":  {"POST / HTTP/1.1\r\nContent-Length: 30000\r\n", strings.Repeat(" ", 10000)},
				"a body that is waited for": {"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", "{}"},
				"no body":                   {"GET / HTTP/1.1\r\n", ""},
			} {
				for _, size := range sizes {
					c, br := visit()
					for i := range 3 {
						mark := string(rune('a' + i))
						fmt.Fprintf(c, "%sHost: a\r\nMark: %s\r\nSize: %d\r\n\r\n%s", asked[0], mark, size, asked[1])
						answer, err := http.ReadResponse(br, nil)
						for err == nil && answer.StatusCode == http.StatusContinue {
							answer, err = http.ReadResponse(br, nil)
						}
						if err != nil {
							t.Fatalf("%s, %d bytes: %v", name, size, err)
						}
						body, err := io.ReadAll(answer.Body)
						if others := strings.Trim(string(body), mark); err != nil || len(body) == 0 || others != "" {
							t.Fatalf("%s, %d bytes: %d bytes of %q, others %.20q, %v", name, size, len(body), mark, others, err)
						}
						if answer.Close || strings.HasPrefix(name, "a body that has not") {
							break
						}
					}
					c.Close()
				}
			}
		})
	}
}

// What a client asks for before it has its answers comes in their order, each its own.
func TestAnswersThatWereAskedForAtOnceComeInTheirOrder(t *testing.T) {
	g := newGroup(t, 10, &UsualTimes)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: answerOf, WriteBufferSize: WriteBuffer, ConnState: func(over net.Conn, state fasthttp.ConnState) {
		if state == fasthttp.StateIdle {
			Of(over).Rest(over)
		}
	}}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(g.Listen(ln.(*net.TCPListener))) }()
	t.Cleanup(func() {
		g.Stop()
		<-ended
	})
	v := dial(t, ln.Addr().String())
	var asked strings.Builder
	for i := range 26 {
		stream := ""
		if i%3 == 1 {
			stream = "Stream: 1\r\n"
		}
		fmt.Fprintf(&asked, "GET / HTTP/1.1\r\nHost: a\r\nMark: %c\r\nSize: %d\r\n%s\r\n", 'a'+i, (i%5)*WriteBuffer+i%2, stream)
	}
	v.send(asked.String())
	for i := range 26 {
		answer, err := http.ReadResponse(v.br, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		body, err := io.ReadAll(answer.Body)
		if others := strings.Trim(string(body), string(rune('a'+i))); err != nil || others != "" {
			t.Fatalf("answer %d has %.20q of others, %v", i, others, err)
		}
	}
}
