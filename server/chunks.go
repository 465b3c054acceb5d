package server

import "sync"

// heldWrites keeps the last bytes of a stream until fasthttp writes what ends it,
// the last chunk, so that both leave in one write: a write costs more than all
// that the gateway does with a stream.
type heldWrites struct {
	on   bool
	held *[]byte // nil if nothing is held
}

// mostHeld is how much is copied to save a write.
const mostHeld = 16 << 10

var heldBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, mostHeld+1<<10)) }}

func (h *heldWrites) add(p []byte) int {
	if h.held == nil {
		h.held = heldBuffers.Get().(*[]byte)
	}
	*h.held = append(*h.held, p...)
	return len(p)
}

func (h *heldWrites) release() {
	if cap(*h.held) <= maxKept {
		*h.held = (*h.held)[:0]
		heldBuffers.Put(h.held)
	}
	h.held = nil
}

// Write writes p, behind what was held back.
func (c *clientConn) Write(p []byte) (int, error) {
	switch {
	case c.hold.on:
		return c.hold.add(p), nil
	case c.hold.held == nil:
		return c.write(p)
	}
	before := len(*c.hold.held)
	c.hold.add(p)
	n, err := c.write(*c.hold.held)
	c.hold.release()
	return max(0, n-before), err
}

// writeHeld writes what was held back if nothing has followed, as it is when the
// client has sent its next request already.
func (c *clientConn) writeHeld() {
	if c.hold.held != nil {
		c.Write(nil) // an error shows when the rest is written
	}
}
