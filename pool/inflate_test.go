package pool

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"testing"
	"uniapi/pool/pooltest"
)

type flushWriter interface {
	io.WriteCloser
	Flush() error
}

var codings = []struct {
	name, coding string
	writer       func(io.Writer) flushWriter
}{
	{"gzip", "gzip", func(w io.Writer) flushWriter { return gzip.NewWriter(w) }},
	{"gzip by its old name", "X-GZIP", func(w io.Writer) flushWriter { return gzip.NewWriter(w) }},
	{"deflate with zlib header", "deflate", func(w io.Writer) flushWriter { return zlib.NewWriter(w) }},
	{"deflate without", "deflate", func(w io.Writer) flushWriter {
		fw, _ := flate.NewWriter(w, flate.DefaultCompression)
		return fw
	}},
}

func TestCompressedEventsComeOutAsTheyArrive(t *testing.T) {
	for _, tt := range codings {
		t.Run(tt.name, func(t *testing.T) {
			next := make(chan bool)
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				p.Request()
				p.Say("HTTP/1.1 200 OK\r\nContent-Encoding: " + tt.coding + "\r\nTransfer-Encoding: chunked\r\n\r\n")
				var packed bytes.Buffer
				w := tt.writer(&packed)
				send := func() {
					if packed.Len() > 0 {
						p.Say(fmt.Sprintf("%x\r\n%s\r\n", packed.Len(), packed.Bytes()))
					}
					packed.Reset()
				}
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n\n", i)
					w.Flush()
					send()
					<-next
				}
				w.Close()
				send()
				p.Say("0\r\n\r\n")
				p.HangUp()
			})
			tg := direct(t, u)
			var call Call
			resp, err := tg.Do(&call, post, patient)
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.Header.ContentEncoding(); len(got) > 0 {
				t.Errorf("the head still says Content-Encoding %q", got)
			}
			for i := range 3 {
				if p, err := resp.Next(); string(p) != fmt.Sprintf("data: %d\n\n", i) || err != nil {
					t.Fatalf("event %d: %q, %v", i, p, err)
				}
				next <- true
			}
			for range 2 {
				if p, err := resp.Next(); len(p) != 0 || err != io.EOF {
					t.Fatalf("%q, %v", p, err)
				}
			}
			resp.Close()
			if tg.pool.Stats().Idle != 1 {
				t.Error("the connection was not kept")
			}
		})
	}
}

func packed(t *testing.T, coding int, text string) string {
	var b bytes.Buffer
	w := codings[coding].writer(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompressedAnswers(t *testing.T) {
	gz := packed(t, 0, "hello")
	for _, tt := range []struct {
		name, coding, body string
		want               string
		kind               Kind
	}{
		{name: "whole", coding: "gzip", body: gz, want: "hello"},
		{name: "empty", coding: "gzip", body: ""},
		{name: "empty deflate", coding: "deflate", body: ""},
		{name: "not compressed at all", coding: "identity", body: "hello", want: "hello"},
		{name: "two members", coding: "gzip", body: gz + gz, want: "hellohello"},
		{name: "cut", coding: "gzip", body: gz[:len(gz)-9], want: "hello", kind: Protocol},
		{name: "cut in the header", coding: "gzip", body: gz[:5], kind: Protocol},
		{name: "one byte of deflate", coding: "deflate", body: "x", kind: Protocol},
		{name: "not gzip", coding: "gzip", body: "hello, this is plain text", kind: Protocol},
		{name: "wrong checksum", coding: "gzip", body: gz[:len(gz)-8] + "12345678", want: "hello", kind: Protocol},
		{name: "a coding nobody knows", coding: "br", body: "hello", kind: Protocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := pooltest.Listen(t, pooltest.Always(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", tt.coding, len(tt.body), tt.body)))
			_, body, err := fetch(direct(t, u), post, patient)
			if body != tt.want || kindOf(t, err) != tt.kind {
				t.Errorf("%q, %v; want %q, %v", body, err, tt.want, tt.kind)
			}
		})
	}
}

func TestBodyThatIsCutWhileInflatingIsACutBody(t *testing.T) {
	gz := packed(t, 0, strings.Repeat("hello", 1000))
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		p.Request()
		p.Say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(gz), gz[:len(gz)/2]))
	})
	if _, _, err := fetch(direct(t, u), post, patient); kindOf(t, err) != Reset {
		t.Error(err)
	}
}

func TestBombIsStoppedAtTheLimit(t *testing.T) {
	bomb := packed(t, 0, strings.Repeat("\x00", 8<<20))
	u := pooltest.Listen(t, pooltest.Always(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(bomb), bomb)))
	tg := target(t, newPool(t, Options{MaxAnswer: 1 << 20}), "http", u.Addr, "")
	_, body, err := fetch(tg, post, patient)
	if kindOf(t, err) != TooLarge || len(body) > 1<<20 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
