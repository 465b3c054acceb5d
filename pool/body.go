package pool

import (
	"errors"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"
)

// framing is how the end of a body is known.
type framing uint8

const (
	noBody framing = iota
	fixedLength
	chunked
	untilClose
)

// bodyReader reads one body off a connection, without the content coding.
type bodyReader struct {
	c       *conn
	call    *Call
	framing framing
	left    int // of fixedLength
	limits  Deadlines
	chunks  chunkDecoder
	err     error // the first error, io.EOF included: everything after it fails alike
}

// begin finds out from the head how the body is framed, and whether the connection can serve again after it.
func (b *bodyReader) begin(method string, h *fasthttp.ResponseHeader, head []byte, d Deadlines) {
	c := b.c
	b.err, b.left = nil, 0
	c.readBy, c.idle = 0, d.Idle
	if b.limits = d; d.UntilBegun {
		c.readBy, c.readSlack, c.idle = c.beginBy, slack(d.FirstByte), 0
	}
	if h.ConnectionClose() {
		c.keep = false
	}
	length := h.ContentLength()
	switch status := h.StatusCode(); {
	case method == fasthttp.MethodHead || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified:
		b.framing = noBody
	case length >= 0:
		b.framing, b.left = fixedLength, length
		// HTTP/1.0 knows no chunks: whoever sends the field with it cannot be trusted with the framing.
		if !h.IsHTTP11() && hasField(head, "transfer-encoding") {
			c.keep = false
		}
	case length == -1:
		b.framing = chunked
		b.chunks.reset(c.in.Size())
		// Chunked wins, but an intermediary may have seen it otherwise: nothing behind this answer can be trusted.
		if hasField(head, "content-length") {
			c.keep = false
		}
	default:
		b.framing = untilClose
		c.keep = false
	}
}

// ended reports that the body was read to its proper end, as far as its framing says so.
func (b *bodyReader) ended() bool {
	return b.framing == noBody || (b.framing == fixedLength && b.left == 0) || (b.framing == chunked && b.chunks.done())
}

// next returns the next bytes of the body: everything that has been received. They are valid until the next read.
func (b *bodyReader) next() ([]byte, error) {
	for b.err == nil {
		if b.ended() {
			b.err = io.EOF
			break
		}
		if b.c.in.Buffered() == 0 {
			if _, err := b.c.in.Peek(1); err != nil {
				b.err = b.readError(err)
				break
			}
		}
		if p := b.take(); len(p) > 0 {
			return p, nil
		}
	}
	return nil, b.err
}

// take returns the body's part of what is buffered, which may be nothing, without reading more.
func (b *bodyReader) take() []byte {
	br := &b.c.in
	n := br.Buffered()
	if b.framing == fixedLength {
		n = min(n, b.left)
		b.left -= n
	}
	p, _ := br.Peek(n)
	if b.framing == chunked {
		var err error
		p, n, err = b.chunks.decode(p)
		if err != nil {
			b.err = &Error{Protocol, b.op(), err}
		}
	}
	br.Discard(n) // of what is buffered: p stays where it is until the next read
	return p
}

// drain takes what is buffered; true when that was the rest of the body.
func (b *bodyReader) drain() bool {
	for b.err == nil && !b.ended() && b.c.in.Buffered() > 0 {
		b.take()
	}
	return b.ended() && (b.err == nil || b.err == io.EOF)
}

// readInto reads from the connection straight into p, which must not be larger than what is left of a fixedLength body;
// nothing may be buffered.
func (b *bodyReader) readInto(p []byte) (int, error) {
	n, err := b.c.readInto(p)
	b.left -= n
	if err != nil && b.left > 0 {
		b.err = b.readError(err)
	}
	return n, b.err
}

func (b *bodyReader) op() string { return "reading the answer's body from " + b.c.target.host }

// readError says what a failed read means for the body: its proper end, if that is how the body ends.
func (b *bodyReader) readError(err error) error {
	over := b.call.Err()
	switch {
	case over != nil:
		return over
	case timedOut(err) && b.c.readBy != 0:
		return &Error{FirstByteTimeout, b.op(), fmt.Errorf("no answer within %v", b.limits.FirstByte)}
	case timedOut(err):
		return &Error{IdleTimeout, b.op(), fmt.Errorf("silent for %v", b.c.idle)}
	case !errors.Is(err, io.EOF):
		return &Error{Reset, b.op(), err}
	case b.framing == untilClose:
		return io.EOF
	}
	return &Error{Reset, b.op(), fmt.Errorf("connection closed within the body: %w", io.ErrUnexpectedEOF)}
}
