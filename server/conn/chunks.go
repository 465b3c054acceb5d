package conn

import (
	"io"
	"net"
	"strconv"
	"sync"
)

// heldWrites keeps what is not to leave yet, so that it leaves in one write with
// what follows: the head of a stream with its first chunk, and the last bytes
// with the last chunk. A write costs more than all that the gateway does with a
// stream.
type heldWrites struct {
	catching bool    // what is written is kept
	taken    bool    // the connection is not fasthttp's any more: full pieces are no buffers of its
	held     *[]byte // nil if nothing is held
}

// WriteBuffer is how large the buffer of an answer is that fasthttp has for each
// connection. What fills it has more behind it, nearly always, and is held until
// that comes: so an answer of mostHeld leaves in one write all the same.
const WriteBuffer = 2 << 10

// mostHeld is the most of a stream that is put together for one write.
const mostHeld = 16 << 10

// mostKept is how large a buffer may be to be kept for the next stream.
const mostKept = 64 << 10

// Few buffers, which are used one after the other, stay in the processor's
// cache; the ones that each connection has of fasthttp do not.
var heldBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, mostHeld+1<<10)) }}

func (h *heldWrites) add(p []byte) int {
	if h.held == nil {
		h.held = heldBuffers.Get().(*[]byte)
	}
	*h.held = append(*h.held, p...)
	return len(p)
}

func (h *heldWrites) release() {
	if cap(*h.held) <= mostKept {
		*h.held = (*h.held)[:0]
		heldBuffers.Put(h.held)
	}
	h.held = nil
}

// write writes p behind what was held back.
func (h *heldWrites) write(to io.Writer, p []byte) (int, error) {
	switch {
	case h.catching:
		return h.add(p), nil
	case h.held != nil && len(p) > 0 && len(*h.held)+len(p) > mostHeld+1<<10: // together they would be copied for nothing
		if _, err := h.leave(to); err != nil {
			return 0, err
		}
	}
	if len(p) == WriteBuffer && !h.taken {
		return h.add(p), nil
	}
	if h.held == nil {
		return to.Write(p)
	}
	before := len(*h.held)
	h.add(p)
	n, err := h.leave(to)
	return max(0, n-before), err
}

// leave writes what is held.
func (h *heldWrites) leave(to io.Writer) (int, error) {
	n, err := to.Write(*h.held)
	h.release()
	return n, err
}

// Write passes on what fasthttp or TLS writes.
func (c *Conn) Write(p []byte) (int, error) {
	if c.secure {
		return c.write(p)
	}
	return c.hold.write(bounded{c}, p)
}

func (c *secureConn) Write(p []byte) (int, error) { return c.below.hold.write(c.Conn, p) }

// bounded writes to the socket, within the time there is.
type bounded struct{ *Conn }

func (c bounded) Write(p []byte) (int, error) { return c.write(p) }

// flush writes what was held back, if anything was.
func (h *heldWrites) flush(conn net.Conn) (err error) {
	if h.held != nil {
		_, err = conn.Write(nil)
	}
	return err
}

// settle writes what was held back for more, which does not come: the connection
// is read from, or closed. An error shows there.
func (h *heldWrites) settle(conn net.Conn) {
	if h.held != nil && !h.catching {
		h.flush(conn)
	}
}

// Chunks frames a stream in chunks, each a write, past fasthttp's: that
// copies each into a buffer of the connection's first. The last chunk of all,
// which is empty, is fasthttp's still.
type Chunks struct {
	conn net.Conn
	hold *heldWrites
}

// CatchHead has the head kept that fasthttp writes next.
func (w *Chunks) CatchHead(conn net.Conn) {
	w.conn, w.hold = conn, &Of(conn).hold
	w.hold.catching = true
}

// Begin ends the keeping: what is written next leaves with it.
func (w *Chunks) Begin() { w.hold.catching = false }

// Flush writes what was kept.
func (w *Chunks) Flush() error { return w.hold.flush(w.conn) }

// Write writes a chunk.
func (w *Chunks) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		n := min(len(p), mostHeld)
		w.hold.addChunk(p[:n])
		if err = w.Flush(); err == nil {
			written += n
		}
		p = p[n:]
	}
	return written, err
}

// Finish is Write for the last of a stream, which leaves together with what
// fasthttp writes behind it.
func (w *Chunks) Finish(p []byte) (int, error) {
	if len(p) > mostHeld {
		return w.Write(p)
	}
	if len(p) > 0 { // an empty chunk would be the end
		w.hold.addChunk(p)
	}
	return len(p), nil
}

func (h *heldWrites) addChunk(p []byte) {
	var size [18]byte
	h.add(append(strconv.AppendUint(size[:0], uint64(len(p)), 16), '\r', '\n'))
	h.add(p)
	h.add(crlf)
}

var crlf = []byte("\r\n")
