package tcp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// dialed returns both ends of a connection on loopback.
func dialed(t testing.TB) (near *Conn, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	y, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close(); y.Close() })
	if near, err = New(x.(*net.TCPConn)); err != nil {
		t.Fatal(err)
	}
	return near, y.(*net.TCPConn)
}

func TestReadWaitsForWhatComes(t *testing.T) {
	near, far := dialed(t)
	read := make(chan string)
	go func() {
		p := make([]byte, 16)
		n, err := near.Read(p)
		if err != nil {
			t.Error(err)
		}
		read <- string(p[:n])
	}()
	far.Write([]byte("hello"))
	if got := <-read; got != "hello" {
		t.Errorf("read %q", got)
	}
}

func TestBodyLargerThanTheSocketsBuffersArrivesWhole(t *testing.T) {
	near, far := dialed(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	wrote := make(chan error, 1)
	go func() {
		n, err := near.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		near.CloseWrite()
		wrote <- err
	}()
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came, %v", len(got), len(sent), err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestEndsOfAConnectionAreTheNetPackagesErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		do    func(near *Conn, far *net.TCPConn) error
		want  error
		shown string // of a *net.OpError: its operation
	}{
		{"the peer hangs up", func(near *Conn, far *net.TCPConn) error {
			far.Close()
			_, err := near.Read(make([]byte, 1))
			return err
		}, io.EOF, ""},
		{"a read's deadline passes", func(near *Conn, far *net.TCPConn) error {
			near.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := near.Read(make([]byte, 1))
			return err
		}, os.ErrDeadlineExceeded, "read"},
		{"a write's deadline passes", func(near *Conn, far *net.TCPConn) error {
			all := make([]byte, 64<<20) // far more than the sockets' buffers hold
			near.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			n, err := near.Write(all)
			if n == 0 || n == len(all) {
				t.Errorf("%d bytes are said to be written", n)
			}
			return err
		}, os.ErrDeadlineExceeded, "write"},
		{"closed on this side before a read", func(near *Conn, far *net.TCPConn) error {
			near.Close()
			_, err := near.Read(make([]byte, 1))
			return err
		}, net.ErrClosed, "read"},
		{"closed on this side before a write", func(near *Conn, far *net.TCPConn) error {
			near.Close()
			_, err := near.Write(make([]byte, 1))
			return err
		}, net.ErrClosed, "write"},
		{"the peer resets", func(near *Conn, far *net.TCPConn) error {
			far.SetLinger(0)
			far.Close()
			_, err := near.Read(make([]byte, 1))
			return err
		}, syscall.ECONNRESET, "read"},
		{"a write to a peer that has reset", func(near *Conn, far *net.TCPConn) error {
			far.SetLinger(0)
			far.Close()
			near.Read(make([]byte, 1))
			_, err := near.Write(make([]byte, 1))
			return err
		}, syscall.EPIPE, "write"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.do(dialed(t))
			if !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != test.shown || !ok && test.shown != "" {
				t.Errorf("%#v, want one of %q", err, test.shown)
			}
		})
	}
}

func TestCloseEndsAReadThatWaits(t *testing.T) {
	near, _ := dialed(t)
	failed := make(chan error)
	go func() {
		_, err := near.Read(make([]byte, 1))
		failed <- err
	}()
	near.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestWhatIsThereRightNow(t *testing.T) {
	near, far := dialed(t)
	p := make([]byte, 4)
	for name, look := range map[string]func([]byte) (int, error){"take": near.Take, "peek": near.Peek} {
		if n, err := look(p); n != 0 || err != ErrNothingYet {
			t.Fatalf("%s: of nothing %d bytes and %v", name, n, err)
		}
	}
	far.Write([]byte("ab"))
	near.Read(p[:1]) // waits for them
	for range 2 {
		if n, err := near.Peek(p); n != 1 || err != nil || p[0] != 'b' {
			t.Errorf("peeked at %d bytes, %q, %v", n, p[:n], err)
		}
	}
	if n, err := near.Take(p); n != 1 || err != nil || p[0] != 'b' {
		t.Errorf("took %d bytes, %q, %v", n, p[:n], err)
	}
	far.CloseWrite()
	near.Read(p) // waits for the end
	for name, look := range map[string]func([]byte) (int, error){"take": near.Take, "peek": near.Peek} {
		if n, err := look(p); n != 0 || err != io.EOF {
			t.Errorf("%s, after the end: %d bytes, %v", name, n, err)
		}
	}
}

// What a write of 1 KB and its read cost, through the net package and past the scheduler.
func BenchmarkWriteAndRead(b *testing.B) {
	near, far := dialed(b)
	past, err := New(far)
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		a, z net.Conn
	}{{"net", near.TCPConn, far}, {"tcp", near, past}} {
		b.Run(bench.name, func(b *testing.B) {
			out, in := make([]byte, 1<<10), make([]byte, 4<<10)
			b.ReportAllocs()
			for b.Loop() {
				bench.a.Write(out)
				bench.z.Read(in)
			}
		})
	}
}

// The way of a request and its answer, with a look before it.
func BenchmarkAsk(b *testing.B) {
	request, answer := make([]byte, 1<<10), make([]byte, 1<<10)
	in := make([]byte, 4<<10)
	var kept Lender = lent(in)
	for _, bench := range []struct {
		name string
		ask  func(c *Conn) error
	}{
		{"without a look", func(c *Conn) error {
			c.Write(request)
			_, err := c.Read(in)
			return err
		}},
		{"peek, write, read", func(c *Conn) error {
			if _, err := c.Peek(in[:1]); err != ErrNothingYet {
				return err
			}
			c.Write(request)
			_, err := c.Read(in)
			return err
		}},
		{"at once", func(c *Conn) error {
			_, _, err := c.Ask(request, kept)
			return err
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			near, far := dialed(b)
			go func() {
				p := make([]byte, 4<<10)
				for {
					if _, err := far.Read(p); err != nil {
						return
					}
					far.Write(answer)
				}
			}()
			b.ReportAllocs()
			for b.Loop() {
				if err := bench.ask(near); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
