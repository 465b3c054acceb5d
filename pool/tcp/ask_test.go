package tcp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// lent is a buffer that its owner does not want back.
type lent []byte

func (p lent) Lend() []byte { return p }
func (lent) Return()        {}

func TestRequestIsSentAndItsAnswerWaitedFor(t *testing.T) {
	for _, size := range []int{1, 16 << 10, 32 << 20} { // the last is far more than the sockets' buffers hold
		near, far := dialed(t)
		request := bytes.Repeat([]byte("q"), size)
		for range 3 { // the last answer leaves nothing behind
			came := make(chan error, 1)
			go func() {
				got := make([]byte, size)
				_, err := io.ReadFull(far, got)
				if err == nil && !bytes.Equal(got, request) {
					err = errors.New("another request came")
				}
				far.Write([]byte("answer"))
				came <- err
			}()
			p := make([]byte, 16)
			if n, sent, err := near.Ask(request, lent(p)); !sent || err != nil || string(p[:n]) != "answer" {
				t.Fatalf("%d bytes: sent %v, %q, %v", size, sent, p[:n], err)
			}
			if err := <-came; err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNoRequestIsSentBehindWhatHasCome(t *testing.T) {
	for _, test := range []struct {
		name string
		far  func(far *net.TCPConn)
		came string
		err  error // if nothing came
	}{
		{"bytes", func(far *net.TCPConn) { far.Write([]byte("stray")) }, "stray", nil},
		{"bytes and the end", func(far *net.TCPConn) { far.Write([]byte("stray")); far.Close() }, "stray", nil},
		{"the end", func(far *net.TCPConn) { far.CloseWrite() }, "", io.EOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			near, far := dialed(t)
			test.far(far)
			p := make([]byte, 16)
			for { // until it has come
				if _, err := near.Peek(p[:1]); err != ErrNothingYet {
					break
				}
			}
			n, sent, err := near.Ask([]byte("request"), lent(p))
			if sent || string(p[:n]) != test.came || err != test.err {
				t.Errorf("sent %v, %q, %v", sent, p[:n], err)
			}
			near.Close()
			if rest, _ := io.ReadAll(far); len(rest) > 0 {
				t.Errorf("%q was sent", rest)
			}
		})
	}
}

func TestWaitForAnAnswerEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		far  func(near *Conn, far *net.TCPConn) // once the request is there
		want error
	}{
		{"by the peer's hang-up", func(_ *Conn, far *net.TCPConn) { far.Close() }, io.EOF},
		{"by its deadline", func(near *Conn, _ *net.TCPConn) { near.SetReadDeadline(time.Now().Add(time.Millisecond)) }, os.ErrDeadlineExceeded},
		{"by a close", func(near *Conn, _ *net.TCPConn) { near.Close() }, net.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			near, far := dialed(t)
			go func() {
				io.ReadFull(far, make([]byte, len("request")))
				test.far(near, far)
			}()
			if n, sent, err := near.Ask([]byte("request"), make(lent, 16)); n != 0 || !sent || !errors.Is(err, test.want) {
				t.Errorf("%d bytes, sent %v, %v", n, sent, err)
			}
		})
	}
	near, _ := dialed(t)
	near.Close()
	if _, sent, err := near.Ask([]byte("request"), make(lent, 16)); sent || !errors.Is(err, net.ErrClosed) {
		t.Errorf("over a closed connection: sent %v, %v", sent, err)
	}
}
