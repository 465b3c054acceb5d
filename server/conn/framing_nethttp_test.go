package conn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"uniapi/server/conn/conntest"

	"github.com/valyala/fasthttp"
)

// understood is a request as a parser understands it.
type understood struct {
	line   string
	fields map[string][]string // without those that the framing is told by
	body   string
}

func (u understood) String() string {
	names := slices.Sorted(maps.Keys(u.fields))
	text := u.line
	for _, name := range names {
		text += fmt.Sprintf("\n%s: %q", name, u.fields[name])
	}
	return fmt.Sprintf("%s\n%q", text, u.body)
}

// byFasthttp are the requests that the gateway serves out of a connection's
// bytes, and why the connection was given up, if it was.
func byFasthttp(text string, piece int) (served []understood, refused error) {
	server := &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			u := understood{fmt.Sprintf("%s %s %s", ctx.Method(), ctx.Request.Header.RequestURI(), ctx.Request.Header.Protocol()), map[string][]string{}, string(ctx.PostBody())}
			for name, value := range ctx.Request.Header.All() {
				u.fields[string(name)] = append(u.fields[string(name)], string(value))
			}
			u.fields["Host"] = []string{string(ctx.Host())}
			served = append(served, u.comparable())
		},
		ReadBufferSize: MaxHead, MaxRequestBodySize: mostBody, DisablePreParseMultipartForm: true, Logger: silent{},
	}
	conn := &pieceConn{text: []byte(text), piece: max(piece, 1)}
	err := server.ServeConn(conn)
	if err == nil && conn.requests.refused != nil {
		err = conn.requests.refused
	}
	if err == nil && bytes.Contains(conn.said.Bytes(), []byte("Connection: close")) {
		err = errors.New("closed")
	}
	return served, err
}

// byNetHTTP are the requests that net/http reads out of the same bytes, up to the
// one behind which it closes the connection.
func byNetHTTP(text string) (read []understood, refused error) {
	r := bufio.NewReader(strings.NewReader(text))
	for {
		// net/http wants no empty line before a request, but for some; the RFC wants servers to overlook one.
		if begin, _ := r.Peek(2); string(begin) == "\r\n" {
			r.Discard(2)
		}
		request, err := http.ReadRequest(r)
		if err != nil {
			return read, err
		}
		pragma := request.Header["Cache-Control"] // net/http adds one for a Pragma
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return read, err
		}
		u := understood{fmt.Sprintf("%s %s %s", request.Method, request.RequestURI, request.Proto), request.Header, string(body)}
		if request.Header.Get("Pragma") == "no-cache" && slices.Equal(pragma, []string{"no-cache"}) {
			delete(u.fields, "Cache-Control")
		}
		u.fields["Host"] = []string{strings.ToLower(request.Host)}
		read = append(read, u.comparable())
		if request.Close {
			return read, errors.New("closed")
		}
	}
}

// comparable leaves out what both may have in another form: what tells the
// framing, which is compared by what comes of it, and cookies, which nobody reads.
func (u understood) comparable() understood {
	fields := map[string][]string{}
	for name, values := range u.fields {
		switch name = textproto.CanonicalMIMEHeaderKey(name); name {
		case "Content-Length", "Transfer-Encoding", "Connection", "Cookie", "Trailer":
		case "User-Agent", "Content-Type": // an empty one is none to fasthttp
			if values[0] != "" {
				fields[name] = values
			}
		default:
			fields[name] = append(fields[name], values...)
		}
	}
	u.fields = fields
	return u
}

// oddRequests are requests that parsers are known to read in different ways, and some that none should mind.
var oddRequests = []string{
	headText("GET /%zz HTTP/1.1", "Host: gateway"),
	headText("GET /a%2 HTTP/1.1", "Host: gateway"),
	headText("GET /?a=%zz HTTP/1.1", "Host: gateway"),
	headText("GET / HTTP/1.1", "Host: gateway", "Content-Type: a", "Content-Type: b"),
	headText("GET / HTTP/1.1", "Host: gateway", "User-Agent: a", "User-Agent: b"),
	headText("GET / HTTP/1.1", "Host: gateway", "User-Agent:"),
	headText("GET / HTTP/1.1", "Host: gateway", "Content-Type:"),
	headText("GET / HTTP/1.1", "Host: gateway", "Content-Type: "),
	headText("GET / HTTP/1.1", "Host: gateway", "X-A:"),
	headText("GET / HTTP/1.1", "Host: gateway", "X-A: b \t "),
	headText("GET / HTTP/1.1", "Host: gateway", "X-A: \tb"),
	headText("GET / HTTP/1.1", "Host: gateway", "x-a: 1", "X-A: 2", "x-A: 3"),
	headText("GET / HTTP/1.1", "Host: gateway", "x_a: 1"),
	headText("GET / HTTP/1.1", "Host: gateway", "X!a: 1"),
	headText("GET / HTTP/1.1", "Host: gateway", "a(b): 1"),
	headText("GET / HTTP/1.1", "Host: gateway", "x\xffa: 1"),
	headText("GET / HTTP/1.1", "Host: gateway", "xa: \xff"),
	headText("GET http://gateway HTTP/1.1", "Host: gateway"),
	headText("GET http://gateway?x HTTP/1.1", "Host: gateway"),
	headText("GET HTTP://gateway/ HTTP/1.1", "Host: gateway"),
	headText("GET http://GATEWAY/ HTTP/1.1", "Host: gateway"),
	headText("GET http://gateway:80/ HTTP/1.1", "Host: gateway:80"),
	headText("GET http://gateway:x/ HTTP/1.1", "Host: gateway:x"),
	headText("GET / HTTP/1.1", "Host: gateway:x"),
	headText("GET http://[::1]/ HTTP/1.1", "Host: [::1]"),
	headText("GET http://[::1/ HTTP/1.1", "Host: [::1"),
	headText("GET http://a%20b/ HTTP/1.1", "Host: a%20b"),
	headText("GET http://a%zz/ HTTP/1.1", "Host: a%zz"),
	headText("GET http://gateway/ HTTP/1.0"),
	headText("GET http://:80/ HTTP/1.1", "Host: :80"),
	headText("GET http://a:/ HTTP/1.1", "Host: a:"),
	headText("GET http://a:b:c/ HTTP/1.1", "Host: a:b:c"),
	headText("GET http://~_/ HTTP/1.1", "Host: ~_"),
	headText("GET //gateway/x HTTP/1.1", "Host: gateway"),
	headText("GET //gateway/x HTTP/1.0"),
	headText("GET /// HTTP/1.1", "Host: gateway"),
	headText("GET //[/ HTTP/1.1", "Host: gateway"),
	headText("get / HTTP/1.1", "Host: gateway"),
	headText("!#$ / HTTP/1.1", "Host: gateway"),
	headText("PRI * HTTP/1.1", "Host: gateway"),
	headText("OPTIONS * HTTP/1.1", "Host: gateway"),
	headText("HEAD / HTTP/1.1", "Host: gateway"),
	headText("GET / HTTP/1.1", "Host: gateway", "Connection: close, keep-alive"),
	headText("GET / HTTP/1.1", "Host: gateway", "Connection: keep-alive, close"),
	headText("GET / HTTP/1.1", "Host: gateway", "Connection: keep-alive", "Connection: close"),
	headText("GET / HTTP/1.0", "Connection: keep-alive"),
	headText("GET / HTTP/1.0", "Connection: Keep-Alive"),
	headText("GET / HTTP/1.1", "Host: gateway", "Connection: CLOSE"),
	headText("GET / HTTP/1.1", "Host: gateway", "connection: upgrade", "upgrade: h2c"),
	headText("GET / HTTP/1.1", "Host: gateway", "Connection: xclose"),
	headText("GET / HTTP/1.1", "Host: gateway", "Connection: close;q=1"),
	headText("GET / HTTP/1.1", "Host: gateway", "Trailer: Content-Length"),
	headText("POST / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked", "Trailer: Content-Length") + chunk(""),
	headText("POST / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked", "Trailer: X-A") + chunk(""),
	headText("POST / HTTP/1.1", "Host: gateway", "Expect: 100-continue", "Content-Length: 2") + "ab",
	headText("POST / HTTP/1.1", "Host: gateway", "Expect: foo", "Content-Length: 2") + "ab",
	headText("POST / HTTP/1.1", "Host: gateway", "Content-Length: 02") + "ab",
	headText("POST / HTTP/1.1", "Host: gateway", "Content-Length: 2 ") + "ab",
	headText("GET / HTTP/1.1", "Host: gateway", "Content-Length: 2") + "ab",
	headText("HEAD / HTTP/1.1", "Host: gateway", "Content-Length: 2") + "ab",
	headText("DELETE / HTTP/1.1", "Host: gateway", "Content-Length: 2") + "ab",
	headText("TRACE / HTTP/1.1", "Host: gateway", "Content-Length: 2") + "ab",
	headText("GET / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked") + chunk("ab") + chunk(""),
	headText("HEAD / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked") + chunk("ab") + chunk(""),
	headText("POST / HTTP/1.1", "Host: gateway", "Transfer-Encoding: Chunked") + "0002;a=b\r\nab\r\n0;x\r\n\r\n",
	headText("POST / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked") + "2 ;a=b\r\nab\r\n0\r\n\r\n",
	headText("POST / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked") + "00000000000000002\r\nab\r\n0\r\n\r\n",
	headText("POST / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked") + "2;\r\nab\r\n0\r\n\r\n",
	headText("POST / HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked") + "2;a=\"\xff;\r\"\r\nab\r\n0\r\n\r\n",
	headText("GET / HTTP/1.1", "Host:"),
	headText("GET / HTTP/1.1", "Host:  gateway "),
	headText("GET / HTTP/1.0", "Host:"),
	headText("GET / HTTP/1.1", "HOST: gateway"),
	headText("GET / HTTP/1.1", "Host: gateway\tx"),
	headText("GET / HTTP/1.1", "Host: gate way"),
	headText("GET /a\xffb HTTP/1.1", "Host: gateway"),
	headText("GET /a\"<>b HTTP/1.1", "Host: gateway"),
	headText("GET /a\\b HTTP/1.1", "Host: gateway"),
	headText("GET /a[b]{c}|^` HTTP/1.1", "Host: gateway"),
	headText("GET /a:b HTTP/1.1", "Host: gateway"),
	headText("GET /a?b?c HTTP/1.1", "Host: gateway"),
	headText("GET /? HTTP/1.1", "Host: gateway"),
	headText("GET /a;b HTTP/1.1", "Host: gateway"),
	headText("GET / HTTP/1.1", "Host: gateway", "Pragma: no-cache"),
	headText("GET / HTTP/1.1", "Host: gateway", "Pragma: no-cache", "Pragma: x"),
	headText("GET / HTTP/1.1", "Host: gateway", "Pragma: no-cache", "Cache-Control: x"),
	headText("GET / HTTP/1.1", "Host: gateway", "Proxy-Connection: close"),
	headText("GET / HTTP/1.1", "Host: gateway", "Keep-Alive: 5"),
	headText("GET / HTTP/1.1", "Host: gateway", "Server: x", "Date: y", "Content-Encoding: gzip", "Content-Encoding: br"),
	headText("GET / HTTP/1.1", "Host: gateway", "Authorization: a", "Authorization: b"),
	headText("GET / HTTP/1.1", "Host: gateway", ": x"),
	headText("GET / HTTP/1.1", "Host: gateway", "X : y"),
	headText("GET / HTTP/1.1", "Host: %800"),
	headText("GET / HTTP/1.1", "Host: [fe80::1%25eth0]"),
	"\r\n\r\n" + good,
	"\r\n" + good,
	"\n" + good,
}

// headText is the head of a request.
func headText(line string, fields ...string) string {
	return line + "\r\n" + strings.Join(append(fields, "", ""), "\r\n")
}

// FuzzFramingAgainstNetHTTP sends anything, and holds that each request that is
// served is the one that net/http reads in its place: one with another method,
// target, header, body or number is a request that somebody in front did not see.
func FuzzFramingAgainstNetHTTP(f *testing.F) {
	for _, c := range conntest.Smuggled {
		f.Add(conntest.Text(c.Text, keyText), 1<<20)
		f.Add(good+conntest.Text(c.Text, keyText), 7)
	}
	f.Add(chatText(plainRequest, "Content-Type", "application/json", "User-Agent", "curl", "Accept", "*/*", "Cookie", "a=b")+good, 1)
	f.Add("POST / HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"+chunk("{}")+chunk("")+good, 3)
	f.Add("\r\nGET http://gateway/a%20b?c=%zz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"+good, 2)
	f.Add("OPTIONS * HTTP/1.0\r\nPragma: no-cache\r\nConnection: keep-alive\r\n\r\n"+good, 100)
	for _, text := range oddRequests {
		f.Add(text, 1<<20)
		f.Add(text+good, 7)
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		served, refused := byFasthttp(text, piece)
		read, closed := byNetHTTP(text)
		for i, request := range served {
			if i >= len(read) {
				t.Fatalf("request %d is served as\n%s\nnet/http reads no more: %v", i, request, closed)
			}
			if request.String() != read[i].String() {
				t.Fatalf("request %d is served as\n%s\nnet/http reads\n%s", i, request, read[i])
			}
		}
		if len(served) < len(read) && refused == nil {
			t.Fatalf("%d of %d requests are served, and nothing was refused", len(served), len(read))
		}
	})
}
