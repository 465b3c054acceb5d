package server

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// hidden is what a smuggler wants to be taken for a request of its own. Were it
// ever, its answer would tell.
const hidden = "GET /healthz HTTP/1.1\r\nHost: hidden\r\nX-Request-Id: hidden\r\n\r\n"

// smuggled are requests that two parsers may read in two ways. SEND is the head's
// beginning; what follows each is hidden.
var smuggled = []struct{ name, text string }{
	{"a length and chunks", "SENDContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"chunks and a length", "SENDTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
	{"chunks and a length of none", "SENDTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"},
	{"two lengths", "SENDContent-Length: 0\r\nContent-Length: 44\r\n\r\n"},
	{"the same length twice", "SENDContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
	{"two lengths in a list", "SENDContent-Length: 2, 2\r\n\r\n{}"},
	{"two different lengths in a list", "SENDContent-Length: 0, 44\r\n\r\n"},
	{"two kinds of content", "SENDContent-Type: application/json\r\nContent-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\n{}"},
	{"a length with a plus", "SENDContent-Length: +2\r\n\r\n{}"},
	{"a length with a minus", "SENDContent-Length: -2\r\n\r\n{}"},
	{"a length in hexadecimal", "SENDContent-Length: 0x2\r\n\r\n{}"},
	{"a length with a space in it", "SENDContent-Length: 2 2\r\n\r\n{}"},
	{"a length with a vertical tab", "SENDContent-Length: \x0b2\r\n\r\n{}"},
	{"a length with a point", "SENDContent-Length: 2.0\r\n\r\n{}"},
	{"a length with an underscore", "SENDContent-Length: 2_0\r\n\r\n{}"},
	{"a length in other digits", "SENDContent-Length: ２\r\n\r\n{}"},
	{"an empty length", "SENDContent-Length:\r\n\r\n"},
	{"a length that wraps at 64 bits", "SENDContent-Length: 18446744073709551618\r\n\r\n{}"},
	{"a length that wraps at 32 bits, long", "SENDContent-Length: 00000000000000000000000000000000002\r\n\r\n{}"},
	{"a space before the colon of the length", "SENDContent-Length : 44\r\n\r\n"},
	{"a tab before the colon of the length", "SENDContent-Length\t: 44\r\n\r\n"},
	{"a space before the length's name", "SEND Content-Length: 44\r\n\r\n"},
	{"a length whose name has a NUL", "SENDContent-Length\x00: 44\r\n\r\n"},

	{"an encoding nobody knows", "SENDTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
	{"identity", "SENDTransfer-Encoding: identity\r\n\r\n"},
	{"identity and a length", "SENDTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}"},
	{"chunked and identity", "SENDTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
	{"identity and chunked", "SENDTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"},
	{"gzip and chunked", "SENDTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
	{"chunked twice in a list", "SENDTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
	{"chunked twice", "SENDTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"chunked and then nothing", "SENDTransfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"},
	{"chunked and then identity", "SENDTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
	{"an empty encoding", "SENDTransfer-Encoding:\r\n\r\n"},
	{"chunked in quotes", "SENDTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
	{"chunked with a parameter", "SENDTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"},
	{"chunked with a comma", "SENDTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"},
	{"chunked with a vertical tab", "SENDTransfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n"},
	{"chunked with a NUL", "SENDTransfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n"},
	{"chunked with a bare CR", "SENDTransfer-Encoding: chunked\rX: y\r\n\r\n0\r\n\r\n"},
	{"chunked on the next line", "SENDTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
	{"a space before the colon of the encoding", "SENDTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
	{"a space before the encoding's name", "SEND Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"an encoding behind a bare CR", "SENDX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"an encoding behind a bare LF", "SENDX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"chunks in HTTP/1.0", "POST /v1/chat/completions HTTP/1.0\r\nHost: gateway\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},

	{"a chunk's size with a plus", "CHUNKS+2\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size with a minus", "CHUNKS-2\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size with 0x", "CHUNKS0x2\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size with a space before it", "CHUNKS 2\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size with a space behind it", "CHUNKS2 \r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size with a tab behind it", "CHUNKS2\t\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size with an underscore", "CHUNKS0_2\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size with junk behind it", "CHUNKS2z\r\n{}\r\n0\r\n\r\n"},
	{"no size of a chunk", "CHUNKS\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size that wraps at 64 bits", "CHUNKS10000000000000002\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size that is negative at 64 bits", "CHUNKSfffffffffffffffe\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size that is long", "CHUNKS00000000000000000000002\r\n{}\r\n0\r\n\r\n"},
	{"a chunk's size behind a bare LF", "CHUNKS2\n{}\r\n0\r\n\r\n"},
	{"a chunk's size behind a bare CR", "CHUNKS2\r{}\r\n0\r\n\r\n"},
	{"a last chunk behind a bare LF", "CHUNKS0\n\r\n"},
	{"a chunk without CRLF", "CHUNKS2\r\n{}0\r\n\r\n"},
	{"a chunk with a bare LF behind it", "CHUNKS2\r\n{}\n0\r\n\r\n"},
	{"a chunk that is longer than it says", "CHUNKS1\r\n{}\r\n0\r\n\r\n"},
	{"an extension with a bare LF", "CHUNKS2;x\n{}\r\n0\r\n\r\n"},
	{"an extension with a bare CR", "CHUNKS2;x\ry\r\n{}\r\n0\r\n\r\n"},
	{"an extension with a NUL", "CHUNKS2;x\x00\r\n{}\r\n0\r\n\r\n"},
	{"an extension without end", "CHUNKS2;" + strings.Repeat("x", 300) + "\r\n{}\r\n0\r\n\r\n"},
	{"an empty line that ends without CR", "CHUNKS0\r\n\n"},
	{"a trailer", "CHUNKS0\r\nX-Checksum: 1\r\n\r\n"},
	{"a trailer that is a key", "CHUNKS0\r\nX-Api-Key: " + clientKeyText + "\r\n\r\n"},
	{"a trailer that is a length", "CHUNKS0\r\nContent-Length: 44\r\n\r\n"},
	{"a trailer that is an encoding", "CHUNKS0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"a trailer with a bare LF", "CHUNKS0\r\nX: y\n\n"},
	{"a trailer without a colon", "CHUNKS0\r\nxyz\r\n\r\n"},

	{"a line that ends without CR", "POST /v1/chat/completions HTTP/1.1\nHost: gateway\r\nContent-Length: 0\r\n\r\n"},
	{"lines that end without CR", "POST /v1/chat/completions HTTP/1.1\nHost: gateway\nContent-Length: 0\n\n"},
	{"a header that ends without CR", "SENDX: y\nContent-Length: 0\r\n\r\n"},
	{"an empty line without CR", "SENDContent-Length: 0\r\n\n"},
	{"an empty line without CR, and one with", "SENDContent-Length: 0\n\r\n"},
	{"lines that end in CR", "POST /v1/chat/completions HTTP/1.1\rHost: gateway\r\r"},
	{"a bare CR in a header", "SENDX: y\rz\r\nContent-Length: 0\r\n\r\n"},
	{"two CR at the end of a line", "SENDX: y\r\r\nContent-Length: 0\r\n\r\n"},
	{"an empty line of two CR", "SENDContent-Length: 0\r\n\r\r\n"},
	{"a folded header", "SENDX: y\r\n z\r\nContent-Length: 0\r\n\r\n"},
	{"a header folded by a tab", "SENDX: y\r\n\tz\r\nContent-Length: 0\r\n\r\n"},
	{"a folded length", "SENDContent-Length: 0\r\n 44\r\n\r\n"},
	{"a line of spaces", "SENDX: y\r\n \r\nContent-Length: 0\r\n\r\n"},
	{"a first header that begins with a space", "POST /v1/chat/completions HTTP/1.1\r\n Host: gateway\r\nHost: gateway\r\nContent-Length: 0\r\n\r\n"},
	{"a header without a name", "SEND: y\r\nContent-Length: 0\r\n\r\n"},
	{"a header without a colon", "SENDxyz\r\nContent-Length: 0\r\n\r\n"},
	{"a space in a header's name", "SENDX y: z\r\nContent-Length: 0\r\n\r\n"},
	{"a space behind a header's name", "SENDX : z\r\nContent-Length: 0\r\n\r\n"},
	{"a NUL in a header's name", "SENDX\x00: z\r\nContent-Length: 0\r\n\r\n"},
	{"a letter beyond ASCII in a header's name", "SENDXé: z\r\nContent-Length: 0\r\n\r\n"},
	{"a bracket in a header's name", "SENDX(y): z\r\nContent-Length: 0\r\n\r\n"},
	{"a DEL in a header's name", "SENDX\x7f: z\r\nContent-Length: 0\r\n\r\n"},
	{"a NUL in a header", "SENDX: \x00\r\nContent-Length: 0\r\n\r\n"},
	{"a control character in a header", "SENDX: \x01\r\nContent-Length: 0\r\n\r\n"},
	{"a DEL in a header", "SENDX: \x7f\r\nContent-Length: 0\r\n\r\n"},

	{"two hosts", "POST / HTTP/1.1\r\nHost: gateway\r\nHost: other\r\n\r\n"},
	{"the same host twice", "POST / HTTP/1.1\r\nHost: gateway\r\nHost: gateway\r\n\r\n"},
	{"an empty host", "POST / HTTP/1.1\r\nHost:\r\n\r\n"},
	{"no host", "POST / HTTP/1.1\r\nX: y\r\n\r\n"},
	{"two hosts in HTTP/1.0", "POST / HTTP/1.0\r\nHost: gateway\r\nHost: other\r\n\r\n"},
	{"an empty host in HTTP/1.0", "POST / HTTP/1.0\r\nHost:\r\n\r\n"},
	{"a host with a path", "POST / HTTP/1.1\r\nHost: gateway/metrics\r\n\r\n"},
	{"a host with a user", "POST / HTTP/1.1\r\nHost: gateway@other\r\n\r\n"},
	{"a host with a query", "POST / HTTP/1.1\r\nHost: gateway?x\r\n\r\n"},
	{"a host with a space", "POST / HTTP/1.1\r\nHost: gateway other\r\n\r\n"},
	{"a list of hosts", "POST / HTTP/1.1\r\nHost: gateway, other\r\n\r\n"},
	{"a host with a backslash", "POST / HTTP/1.1\r\nHost: gateway\\other\r\n\r\n"},
	{"a host beyond ASCII", "POST / HTTP/1.1\r\nHost: gätewäy\r\n\r\n"},
	{"a host that ends without CR", "POST / HTTP/1.1\r\nHost: gateway\n\r\n"},

	{"the URL of another host", "GET http://other/healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"the URL of this host with a user", "GET http://gateway@other/healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a URL without a host", "GET http:///healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a URL of another scheme", "GET ftp://gateway/healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a file's URL", "GET file:///etc/passwd HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a URL without a scheme that hides in a path", "GET //other/healthz?://x HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a URL without a scheme in HTTP/1.0", "GET //other/healthz HTTP/1.0\r\n\r\n"},
	{"a tunnel", "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n"},
	{"a tunnel to a path", "CONNECT /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"the asterisk", "GET * HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a target that is no path", "GET healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a target with a fragment", "GET /v1/models#/../../healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"no target", "GET  HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a target with a space", "GET /healthz x HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"two spaces before the target", "GET  /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"two spaces behind the target", "GET /healthz  HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a tab for a space", "GET\t/healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a tab behind the target", "GET /healthz\tHTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a NUL in the target", "GET /healthz\x00 HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a DEL in the target", "GET /healthz\x7f HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a bare CR in the target", "GET /healthz\rX HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a space behind the version", "GET /healthz HTTP/1.1 \r\nHost: gateway\r\n\r\n"},
	{"HTTP/0.9", "GET /healthz\r\n\r\n"},
	{"HTTP/0.9 by name", "GET /healthz HTTP/0.9\r\nHost: gateway\r\n\r\n"},
	{"HTTP/1.2", "GET /healthz HTTP/1.2\r\nHost: gateway\r\n\r\n"},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{"HTTP/2 by name", "GET /healthz HTTP/2.0\r\nHost: gateway\r\n\r\n"},
	{"HTTP/01.1", "GET /healthz HTTP/01.1\r\nHost: gateway\r\n\r\n"},
	{"HTTP/1.10", "GET /healthz HTTP/1.10\r\nHost: gateway\r\n\r\n"},
	{"http in small letters", "GET /healthz http/1.1\r\nHost: gateway\r\n\r\n"},
	{"HTTP/1,1", "GET /healthz HTTP/1,1\r\nHost: gateway\r\n\r\n"},
	{"no method", " /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a method with a colon", "GET: /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a method with a NUL", "GE\x00T /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a method beyond ASCII", "GÉT /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a method in brackets", "(GET) /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a space before the method", " GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a tab before the method", "\tGET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a bare LF before the request", "\nGET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a bare LF behind the version", "GET /healthz HTTP/1.1\nHost: gateway\r\n\r\n"},
	{"a bare LF behind the target", "GET /healthz\nHost: gateway\r\n\r\n"},
	{"a bare LF behind the method", "GET\n/healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"a bare LF behind a header's name", "GET /healthz HTTP/1.1\r\nHost\n: gateway\r\n\r\n"},
	{"a bare LF for the empty line", "GET /healthz HTTP/1.1\r\nHost: gateway\r\n\n"},
	{"a bare CR before the request", "\rGET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"two empty lines before the request", "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"},
	{"TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n"},
	{"SSH", "SSH-2.0-OpenSSH_9.6\r\n"},
}

// text makes a case's bytes.
func smuggledText(text string) string {
	const send = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + clientKeyText + "\r\n"
	text = strings.Replace(text, "CHUNKS", send+"Transfer-Encoding: chunked\r\n\r\n", 1)
	return strings.Replace(text, "SEND", send, 1) + hidden
}

// good is a request that is well formed; its answer is 200.
const good = "GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"

func TestRequestsThatTwoParsersMayReadInTwoWaysAreRefused(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	ways := []struct {
		name string
		send func(c *client, text string)
		okay int // good requests before it
	}{
		{"at once", func(c *client, text string) { c.send(text) }, 0},
		{"behind others", func(c *client, text string) { c.send(good + good + text) }, 2},
		{"behind another that was answered", func(c *client, text string) {
			c.send(good)
			if a := c.answer(); a.StatusCode != 200 {
				c.t.Errorf("the one before: %d", a.StatusCode)
			}
			c.send(text)
		}, 0},
		{"in pieces", func(c *client, text string) {
			c.SetNoDelay(true)
			for piece := range strings.SplitAfterSeq(text, "\r") {
				if _, err := io.WriteString(c.TCPConn, piece); err != nil {
					return // it was refused already
				}
				time.Sleep(time.Millisecond) // so that they are read one by one, mostly
			}
		}, 0},
	}
	for _, c := range smuggled {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range ways {
				client := g.dial()
				client.t = t
				way.send(client, smuggledText(c.text))
				for range way.okay {
					if a := client.answer(); a.StatusCode != 200 {
						t.Fatalf("%s: the ones before: %d %s", way.name, a.StatusCode, a.body)
					}
				}
				a := client.answer()
				a.failure(t, 400, "bad_request")
				if strings.Contains(c.name, "bare LF") && !strings.Contains(c.name, "trailer") && !strings.Contains(a.body, "a line ends without CR") {
					t.Errorf("%s: %s", way.name, a.body)
				}
				if !a.Close {
					t.Errorf("%s: the connection goes on", way.name)
				}
				more, _ := io.ReadAll(client.br) // in pieces, what is sent late is answered with a reset
				if len(more) > 0 {
					t.Errorf("%s: more came: %q", way.name, more)
				}
			}
		})
	}
	t.Cleanup(func() {
		if len(up.requests()) > 0 {
			t.Errorf("the provider was asked: %v", up.requests())
		}
	})
}

// What is unusual and yet clear must pass.
func TestRequestsThatAreOnlyUnusualAreServed(t *testing.T) {
	g := start(t, providerOf("p", listen(t, both)))
	const key = "Authorization: Bearer " + clientKeyText + "\r\n"
	const send = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n" + key
	size := len(plainRequest)
	for _, c := range []struct{ name, text string }{
		{"an empty line before the request", "\r\n" + send + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"names in small letters", "POST /v1/chat/completions HTTP/1.1\r\nhost:gateway\r\nauthorization:Bearer " + clientKeyText + "\r\ncontent-length:" + fmt.Sprint(size) + "\r\n\r\n" + plainRequest},
		{"space around values", "POST /v1/chat/completions HTTP/1.1\r\nHost: \t gateway \t \r\n" + key + fmt.Sprintf("Content-Length: \t%d \t\r\n\r\n", size) + plainRequest},
		{"zeros before a length", send + fmt.Sprintf("Content-Length: 000%d\r\n\r\n", size) + plainRequest},
		{"chunks", send + "Transfer-Encoding: chunked\r\n\r\n" + chunk(plainRequest[:10]) + chunk(plainRequest[10:]) + chunk("")},
		{"chunks in capitals", send + "Transfer-Encoding: Chunked\r\n\r\n" + fmt.Sprintf("%X\r\n%s\r\n000\r\n\r\n", size, plainRequest)},
		{"chunks with extensions", send + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x;a=b;c=\"d e\"\r\n%s\r\n0;z\r\n\r\n", size, plainRequest)},
		{"the URL of this host", strings.Replace(send, "/v1", "http://gateway/v1", 1) + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"the URL of this host over TLS", strings.Replace(send, "/v1", "HTTPS://Gateway/v1", 1) + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"a slash too many", strings.Replace(send, "/v1", "//v1", 1) + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"a host with a port", strings.Replace(send, "gateway", "gateway:8000", 1) + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"an address for a host", strings.Replace(send, "gateway", "[::1]:8000", 1) + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"a host with an underscore", strings.Replace(send, "gateway", "uni_api", 1) + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"headers beyond ASCII", send + "X-Title: gänsefüßchen\tund mehr\r\nX-Empty:\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
		{"HTTP/1.0 without a host", "POST /v1/chat/completions HTTP/1.0\r\nConnection: keep-alive\r\n" + key + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + plainRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := g.dial()
			client.send(c.text + good)
			if a := client.answer(); a.StatusCode != 200 || a.body != plainBodyOf("hello") {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if a := client.answer(); a.StatusCode != 200 || a.body == "" {
				t.Errorf("the next: %d %s", a.StatusCode, a.body)
			}
			client = g.dial() // and byte by byte
			go func() {
				for i := range len(c.text) {
					io.WriteString(client.TCPConn, c.text[i:i+1])
				}
			}()
			if a := client.answer(); a.StatusCode != 200 || a.body != plainBodyOf("hello") {
				t.Errorf("byte by byte: %d %s", a.StatusCode, a.body)
			}
		})
	}
}

// Under TLS, and behind a PROXY header, the requests are looked at too.
func TestRequestsAreLookedAtWhateverTheyComeIn(t *testing.T) {
	files := newAuthority(t)
	trust := files.issue(t, 1)
	up := listen(t, both)
	secure := startWith(t, Options{TLSCert: files.cert, TLSKey: files.key}, providerOf("p", up))
	proxied := startWith(t, Options{TrustedProxies: loopback(t), ProxyProtocol: true}, providerOf("p", up))
	for _, name := range []string{"a length and chunks", "a trailer", "a header that ends without CR"} {
		var text string
		for _, c := range smuggled {
			if c.name == name {
				text = smuggledText(c.text)
			}
		}
		c, tls := secure.dialTLS(trust)
		io.WriteString(tls, good+text)
		if a := c.answer(); a.StatusCode != 200 {
			t.Errorf("%s, under TLS: the one before: %d", name, a.StatusCode)
		}
		c.answer().failure(t, 400, "bad_request")
		if rest := c.rest(); rest != "" {
			t.Errorf("%s, under TLS: more came: %q", name, rest)
		}
		c = proxied.dial()
		c.send(header(t, 1, "198.51.100.7:4711") + text)
		c.answer().failure(t, 400, "bad_request")
		if rest := c.rest(); rest != "" {
			t.Errorf("%s, behind a PROXY header: more came: %q", name, rest)
		}
	}
}
