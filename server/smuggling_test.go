package server

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"uniapi/server/conn/conntest"
)

func TestRequestsThatTwoParsersMayReadInTwoWaysAreRefused(t *testing.T) {
	t.Parallel()
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	ways := []struct {
		name string
		send func(c *client, text string)
		okay int // good requests before it
	}{
		{"at once", func(c *client, text string) { c.send(text) }, 0},
		{"behind others", func(c *client, text string) { c.send(conntest.Good + conntest.Good + text) }, 2},
		{"behind another that was answered", func(c *client, text string) {
			c.send(conntest.Good)
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
	for _, c := range conntest.Smuggled {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			for _, way := range ways {
				client := g.dial()
				client.t = t
				way.send(client, conntest.Text(c.Text, clientKeyText))
				for range way.okay {
					if a := client.answer(); a.StatusCode != 200 {
						t.Fatalf("%s: the ones before: %d %s", way.name, a.StatusCode, a.body)
					}
				}
				a := client.answer()
				a.failure(t, 400, "bad_request")
				if strings.Contains(c.Name, "bare LF") && !strings.Contains(c.Name, "trailer") && !strings.Contains(a.body, "a line ends without CR") {
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
			client.send(c.text + conntest.Good)
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
		for _, c := range conntest.Smuggled {
			if c.Name == name {
				text = conntest.Text(c.Text, clientKeyText)
			}
		}
		c, tls := secure.dialTLS(trust)
		io.WriteString(tls, conntest.Good+text)
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
