package entry

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"uniapi/pool"
	"uniapi/server/budget"
	"uniapi/server/conn"
)

// EncodingOf is how a body is compressed; "" if it is not. Agents are known to
// compress without saying so, hence the look at the first bytes; no JSON text
// begins like that.
func EncodingOf(announced, body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		return "gzip"
	case bytes.HasPrefix(body, []byte("\x28\xb5\x2f\xfd")):
		return "zstd"
	}
	encoding := string(bytes.TrimSpace(announced))
	if encoding == "identity" {
		return ""
	}
	return encoding
}

// ErrEncoding is that of an encoding that is not known here.
var ErrEncoding = errors.New("unknown content encoding")

var errNotWanted = errors.New("nobody wants to know more")

// Inflation is a compressed body on its way to its plain form.
//
// What does not fit into a first buffer is gone through twice: once to find out
// how large it becomes, which takes no more than the encoding's window, and once
// to fill a buffer of that size. So it costs little more memory than it becomes,
// and what is refused costs next to none.
type Inflation struct {
	Encoding string // as HTTP calls it
	Body     []byte
	Limit    int // bytes
	Holding  *budget.Holding
	Look     func(p []byte) (goOn bool) // sees the plain form as it comes; nil does not
}

const (
	// The first buffer is for so many times the compressed size, within bounds: what agents say comes down to a quarter
	// or an eighth.
	firstTimes    = 8
	firstInflated = 16 << 10
	mostInflated  = 512 << 10
)

// Whole is the plain form. The buffer is the caller's.
func (in *Inflation) Whole() ([]byte, error) {
	c, err := codingOf(in.Encoding, in.Body)
	if err != nil {
		return nil, err
	}
	defer c.close()
	plain, err := in.attempt(c)
	if z, is := c.(*zstandard); is && z.widen(err) {
		in.Look = nil // it has seen the beginning
		plain, err = in.attempt(c)
	}
	if err != nil {
		in.Holding.Hold(budget.Inflated, 0)
	}
	return plain, err
}

func (in *Inflation) attempt(c coding) ([]byte, error) {
	first := pool.Buffer(min(max(firstTimes*len(in.Body), firstInflated), mostInflated))
	if err := in.Holding.Hold(budget.Inflated, cap(first)+c.state()); err != nil {
		return nil, err
	}
	first, size, err := in.measure(c, first)
	if err != nil {
		return nil, err
	}
	if size == len(first) {
		return first, in.Holding.Hold(budget.Inflated, cap(first)) // less than before: the decoder is done
	}
	pool.Recycle(first)
	if err := in.Holding.Hold(budget.Inflated, pool.BufferSize(size)+c.stateBeside()); err != nil {
		return nil, err
	}
	out, err := c.fill(pool.Buffer(size), in.Body)
	if err == nil && len(out) != size { // never: it is the same body
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return out, in.Holding.Hold(budget.Inflated, cap(out))
}

// measure fills first and finds out how many bytes there are in all.
func (in *Inflation) measure(c coding, first []byte) ([]byte, int, error) {
	plain, err := c.open(in.Body)
	if err != nil {
		return first, 0, err
	}
	size := 0
	piece := passed.Get().(*[]byte)
	defer passed.Put(piece)
	for {
		into := *piece
		if size == len(first) && len(first) < cap(first) {
			into = first[len(first):cap(first)]
		}
		n, err := plain.Read(into)
		if size == len(first) && len(first) < cap(first) {
			first = first[:len(first)+n]
		}
		if size += n; size > in.Limit {
			return first, size, conn.ErrTooLarge
		}
		if n > 0 && in.Look != nil && !in.Look(into[:n]) {
			return first, size, errNotWanted
		}
		if err == io.EOF {
			return first, size, nil
		}
		if err != nil {
			return first, size, err
		}
	}
}

var passed = sync.Pool{New: func() any { return new(make([]byte, 16<<10)) }}
