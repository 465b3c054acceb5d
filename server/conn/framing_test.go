package conn

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
	"uniapi/server/conn/conntest"

	"github.com/valyala/fasthttp"
)

// strictRequest reads the request that text begins with by the letter of RFC
// 9112, in another way than the gateway does. n is its length, 0 if it is not by
// the letter or not whole.
func strictRequest(text string) (line, body string, n int) {
	head, rest, found := strings.Cut(text, "\r\n\r\n")
	n = len(text) - len(rest)
	lines := strings.Split(head, "\r\n")
	if lines[0] == "" && len(lines) > 1 {
		lines = lines[1:] // the one empty line that may be there
	}
	words := strings.Split(lines[0], " ")
	if !found || len(words) != 3 || words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0" || strings.IndexFunc(head, isControl) >= 0 {
		return "", "", 0
	}
	fields := map[string][]string{}
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.IndexFunc(name, isNoToken) >= 0 {
			return "", "", 0
		}
		name = strings.ToLower(name)
		fields[name] = append(fields[name], strings.Trim(value, " \t"))
	}
	lengths, codings, hosts := fields["content-length"], fields["transfer-encoding"], fields["host"]
	switch {
	case len(hosts) > 1, len(hosts) == 0 && words[2] == "HTTP/1.1", len(lengths)+len(codings) > 1, len(codings) > 0 && words[2] == "HTTP/1.0":
		return "", "", 0
	case len(codings) == 1:
		var size int
		if body, size = strictChunks(rest); size == 0 || !strings.EqualFold(codings[0], "chunked") {
			return "", "", 0
		}
		return lines[0], body, n + size
	case len(lengths) == 1:
		size, err := strconv.ParseUint(lengths[0], 10, 62)
		if err != nil || size > uint64(len(rest)) {
			return "", "", 0
		}
		return lines[0], rest[:size], n + int(size)
	}
	return lines[0], "", n
}

// strictChunks is strictRequest for a body in chunks.
func strictChunks(text string) (body string, n int) {
	for rest := text; ; {
		line, after, found := strings.Cut(rest, "\r\n")
		digits, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseUint(digits, 16, 60)
		if !found || err != nil || strings.IndexFunc(line, isControl) >= 0 {
			return "", 0
		}
		if uint64(len(after)) < size+2 || after[size:size+2] != "\r\n" {
			return "", 0
		}
		body, rest = body+after[:size], after[size+2:]
		if size == 0 {
			return body, len(text) - len(rest)
		}
	}
}

// isControl is what no line may have but at its end; bare CR and LF are left to
// whoever splits the lines.
func isControl(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' || r == 0x7f }

func isNoToken(r rune) bool {
	return !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}

// pieceConn is a connection on which text comes in pieces.
type pieceConn struct {
	net.Conn // nil: whatever else is asked of it is a fault
	requests framing
	text     []byte
	piece    int
	said     bytes.Buffer
}

func (c *pieceConn) Read(p []byte) (int, error) { return c.requests.read(rawPieces{c}, p) }

type rawPieces struct{ *pieceConn }

func (c rawPieces) Read(p []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.piece)], c.text)
	c.text = c.text[n:]
	return n, nil
}

func (c *pieceConn) Write(p []byte) (int, error)      { return c.said.Write(p) }
func (c *pieceConn) Close() error                     { return nil }
func (c *pieceConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *pieceConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *pieceConn) SetDeadline(time.Time) error      { return nil }
func (c *pieceConn) SetReadDeadline(time.Time) error  { return nil }
func (c *pieceConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzFraming sends anything, and compares the requests that are served with
// those that a strict reader sees: there is never one that it does not see, and
// where there are fewer, the connection was refused.
func FuzzFraming(f *testing.F) {
	for _, c := range conntest.Smuggled {
		f.Add(conntest.Text(c.Text, keyText), 1<<20)
		f.Add(good+conntest.Text(c.Text, keyText), 7)
	}
	f.Add(chatText(plainRequest)+good, 1)
	f.Add("POST / HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"+chunk("{}")+chunk("")+good, 3)
	f.Add("\r\n"+good+good, 2)
	var served []string
	server := &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			served = append(served, fmt.Sprintf("%s %s %s\n%s", ctx.Method(), ctx.Request.Header.RequestURI(), ctx.Request.Header.Protocol(), ctx.PostBody()))
		},
		ReadBufferSize: MaxHead, MaxRequestBodySize: mostBody, DisablePreParseMultipartForm: true, Logger: silent{},
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		served = nil
		conn := &pieceConn{text: []byte(text), piece: max(piece, 1)}
		err := server.ServeConn(conn)
		var want []string
		rest := text
		for rest != "" {
			line, body, n := strictRequest(rest)
			if n == 0 {
				break
			}
			want = append(want, line+"\n"+body)
			rest = rest[n:]
		}
		for i, request := range served {
			if i >= len(want) || request != want[i] {
				t.Fatalf("request %d is served as %q; a strict reader sees %q", i, request, want)
			}
		}
		closed := bytes.Contains(conn.said.Bytes(), []byte("Connection: close"))
		if len(served) < len(want) && conn.requests.refused == nil && err == nil && !closed {
			t.Fatalf("%d of %d requests are served, and nothing was refused: %q", len(served), len(want), conn.said.String())
		}
	})
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// BenchmarkFraming is what following the requests costs for each.
func BenchmarkFraming(b *testing.B) {
	for _, c := range []struct{ name, request string }{
		{"curl", chatText(plainRequest, "User-Agent", "curl/8.5.0", "Accept", "*/*", "Content-Type", "application/json")},
		{"openai-python", chatText(plainRequest, "Accept-Encoding", "gzip, deflate", "Connection", "keep-alive", "Accept", "application/json", "Content-Type", "application/json",
			"User-Agent", "OpenAI/Python 1.54.4", "X-Stainless-Lang", "python", "X-Stainless-Package-Version", "1.54.4", "X-Stainless-Os", "Linux", "X-Stainless-Arch", "x64",
			"X-Stainless-Runtime", "CPython", "X-Stainless-Runtime-Version", "3.12.3", "X-Stainless-Async", "false", "X-Stainless-Retry-Count", "0")},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := []byte(c.request)
			var f framing
			b.ReportAllocs()
			for b.Loop() {
				if n, err := f.follow(p); n != len(p) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
