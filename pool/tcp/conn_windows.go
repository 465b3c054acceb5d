package tcp

import (
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Conn is a connection. One goroutine at a time may read, and one write; deadlines and Close are free, as ever. On
// Windows the net package does the reading and writing: its sockets are not polled but have their calls completed by
// the kernel. Only what is there right now is looked at here.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn

	// Stalled, if it is set, is called when a write begins to wait for the peer, once for each Write.
	Stalled func()
}

// New makes a Conn of a connection, which must not be read or written but through it from then on.
func New(c *net.TCPConn) (*Conn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Conn{TCPConn: c, raw: raw}, nil
}

// atOnce is how many bytes are written between two looks at whether the kernel has room.
const atOnce = 64 << 10

// Write is net.Conn's.
func (c *Conn) Write(p []byte) (n int, err error) {
	stalled := c.Stalled == nil
	for {
		if !stalled && !ready(c.raw, pollOut) {
			stalled = true
			c.Stalled()
		}
		part := p[n:min(len(p), n+atOnce)]
		m, err := c.TCPConn.Write(part)
		if n += m; err != nil || n == len(p) {
			return n, err
		}
	}
}

// Take reads what is there right now, or ErrNothingYet. It minds no deadline.
func (c *Conn) Take(p []byte) (int, error) { return c.now(p, 0) }

// Peek is Take without taking: the next read brings the same bytes.
func (c *Conn) Peek(p []byte) (int, error) { return c.now(p, windows.MSG_PEEK) }

func (c *Conn) now(p []byte, flags uint32) (n int, err error) {
	var failed error
	err = c.raw.Control(func(fd uintptr) { n, failed = receive(fd, p, flags) })
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, failed
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// ReadLent is Read into a buffer that is lent for it, which the kernel has while it waits.
func (c *Conn) ReadLent(from Lender) (int, error) { return c.Read(from.Lend()) }

// Ask writes a small request and waits for the beginning of its answer, but looks first whether something has come
// already: then nothing is written, sent is false, and the buffer has what came, or the error is that of the
// connection's end.
func (c *Conn) Ask(request []byte, from Lender) (n int, sent bool, err error) {
	if n, err = c.Take(from.Lend()); err != ErrNothingYet {
		return n, false, err
	}
	if n, err = c.Write(request); err != nil {
		return 0, n > 0, err
	}
	n, err = c.ReadLent(from)
	return n, true, err
}

// Gone tells whether the other side has ended the connection and nothing that it sent is left to read. It may be asked
// while others read and write.
func Gone(raw syscall.RawConn) bool {
	gone := false
	err := raw.Control(func(fd uintptr) {
		var b [1]byte
		n, err := receive(fd, b[:], windows.MSG_PEEK)
		gone = err != ErrNothingYet && n == 0
	})
	return gone || err != nil
}

// Readable tells whether there is something to read, or, of a listener, somebody to accept.
func Readable(raw syscall.RawConn) bool { return ready(raw, pollIn) }

// receive reads what is there, or fails with ErrNothingYet. The look comes first, since a call that is not given to the
// kernel to complete waits.
func receive(fd uintptr, p []byte, flags uint32) (int, error) {
	if !poll(fd, pollIn) {
		return 0, ErrNothingYet
	}
	var n uint32
	buffer := windows.WSABuf{Len: uint32(len(p)), Buf: unsafe.SliceData(p)}
	if err := windows.WSARecv(windows.Handle(fd), &buffer, 1, &n, &flags, nil, nil); err != nil {
		return 0, err
	}
	return int(n), nil
}

// Winsock's names for them are POLLRDNORM and POLLWRNORM.
const (
	pollIn  = 0x0100
	pollOut = 0x0010
)

var wsaPoll = windows.NewLazySystemDLL("ws2_32.dll").NewProc("WSAPoll")

func ready(raw syscall.RawConn, what int16) (is bool) {
	err := raw.Control(func(fd uintptr) { is = poll(fd, what) })
	return err != nil || is
}

// poll asks without waiting. An end of the connection, too, is something that a call would bring.
func poll(fd uintptr, what int16) bool {
	at := struct {
		fd              uintptr
		events, revents int16
	}{fd: fd, events: what}
	n, _, _ := wsaPoll.Call(uintptr(unsafe.Pointer(&at)), 1, 0)
	return int32(n) > 0
}
