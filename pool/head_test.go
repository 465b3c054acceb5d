package pool

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestEndOfAHead(t *testing.T) {
	for _, tt := range []struct {
		buf  string
		want int
	}{
		{"", 0}, {"HTTP/1.1 200 OK\r\n", 0}, {"HTTP/1.1 200 OK\r\n\r", 0}, {"HTTP/1.1 200 OK\r\n\r\n", 19}, {"a\r\nb\r\n\r\nc\r\n\r\n", 8}, {"a\n\nb", 3}, {"a\n\r\nb", 4},
	} {
		if got := headEnd([]byte(tt.buf), 0); got != tt.want {
			t.Errorf("%q: %d, want %d", tt.buf, got, tt.want)
		}
		// As it comes in pieces, each look begins where the last one has ended.
		for n := 1; n <= len(tt.buf); n++ {
			got := 0
			for seen := 0; got == 0 && seen < len(tt.buf); {
				come := min(seen+n, len(tt.buf))
				got = headEnd([]byte(tt.buf[:come]), max(0, seen-len("\n\r")))
				seen = come
			}
			if got != tt.want {
				t.Errorf("%q by %d: %d, want %d", tt.buf, n, got, tt.want)
			}
		}
	}
}

func TestFieldsAreFoundInARawHead(t *testing.T) {
	for head, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n":                  true,
		"HTTP/1.1 200 OK\r\nA: b\r\ncontent-length\t: 1\r\n\r\n":        true,
		"HTTP/1.1 200 OK\r\nX-Content-Length: 1\r\n\r\n":                false,
		"HTTP/1.1 200 OK\r\nContent-Length-X: 1\r\n\r\n":                false,
		"HTTP/1.1 200 OK\r\nA: Content-Length: 1\r\nContent-Length\r\n": false,
	} {
		if got := hasField([]byte(head), "content-length"); got != want {
			t.Errorf("%q: %v", head, got)
		}
	}
}

// script is a connection on which an answer arrives in pieces, however the request looks.
type script struct {
	net.Conn // nil: nothing else is called
	answer   []byte
	piece    int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.answer) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.piece)], s.answer)
	s.answer = s.answer[n:]
	return n, nil
}
func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// play has one exchange over a script.
func play(t *testing.T, tg *Target, answer []byte, piece int) (status int, body []byte, err error) {
	s := &script{answer: bytes.Clone(answer), piece: piece}
	c := newConn(tg, &socket{Conn: s}, s)
	var call Call
	resp, err := c.exchange(&call, post, patient)
	if err != nil {
		c.dispose()
		return 0, nil, err
	}
	status = resp.Status
	body, err = resp.AppendBody(nil, 0)
	resp.Close()
	if c := tg.pop(post); c != nil {
		c.dispose()
	}
	return status, body, err
}

// FuzzAnswer gives an answer whole and in pieces: both must be read alike, whatever it is.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), uint16(1))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nrest"), uint16(3))
	f.Add([]byte("HTTP/1.0 200 OK\r\n\r\nuntil the end"), uint16(7))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nffffffffffffffff\r\n"), uint16(100))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x03\x00"), uint16(1))
	f.Add([]byte("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), uint16(2))
	f.Fuzz(func(t *testing.T, answer []byte, piece uint16) {
		p := New(Options{MaxAnswer: 1 << 20})
		defer p.Close()
		tg := target(t, p, "http", "127.0.0.1:1", "")
		status, body, err := play(t, tg, answer, int(piece)+1)
		statusWhole, bodyWhole, errWhole := play(t, tg, answer, len(answer)+1)
		if status != statusWhole || !bytes.Equal(body, bodyWhole) || kindOf(t, err) != kindOf(t, errWhole) {
			t.Fatalf("in pieces %d %q %v, whole %d %q %v", status, body, err, statusWhole, bodyWhole, errWhole)
		}
		if status != 0 && (status < fasthttp.StatusOK || status > 999) {
			t.Fatalf("status %d", status)
		}
		if s := p.Stats(); s.Open != 0 {
			t.Fatalf("%+v", s)
		}
	})
}
