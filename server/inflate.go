package server

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/pool"
	"uniapi/server/budget"
	"uniapi/server/conn"
)

// encodingOf is how a body is compressed; "" if it is not. Agents are known to
// compress without saying so, hence the look at the first bytes; no JSON text
// begins like that.
func encodingOf(announced, body []byte) string {
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

// inflate makes x.body plain if it came compressed. The limit is on the inflated
// size. If the model can be seen before that is known, it is judged first.
func (x *exchange) inflate() *codec.Error {
	encoding := encodingOf(x.ctx.Request.Header.ContentEncoding(), x.body)
	if encoding == "" {
		return nil
	}
	in := inflation{encoding: encoding, body: x.body, limit: x.server.options.MaxBody, holding: x.holding}
	var refused *codec.Error
	if x.model == "" {
		finder := rawjson.NewFinder("model")
		in.look = func(p []byte) (goOn bool) {
			if !finder.Push(p) {
				return true
			}
			in.look = nil
			if model, found := finder.Text(); found {
				refused = x.foresee(model)
			}
			return refused == nil
		}
	}
	plain, err := in.whole()
	switch {
	case refused != nil:
		return refused
	case errors.Is(err, conn.ErrTooLarge):
		return x.server.tooLarge()
	case errors.Is(err, errEncoding):
		return errorf(fasthttp.StatusUnsupportedMediaType, "invalid_request_error", "unsupported_encoding",
			"Content-Encoding %q is not known here; gzip, br and zstd are.", clip(encoding))
	}
	if full, is := errors.AsType[*budget.Refused](err); is {
		return noRoom(full)
	}
	if err != nil {
		return errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_encoding",
			"The request's body is not what its Content-Encoding %q says: %v", clip(encoding), err)
	}
	pool.Recycle(x.incoming)
	x.incoming, x.body = plain, plain
	x.holding.Hold(budget.Body, 0)
	return nil
}

var (
	errEncoding  = errors.New("unknown content encoding")
	errNotWanted = errors.New("nobody wants to know more")
)

// inflation is a compressed body on its way to its plain form.
//
// What does not fit into a first buffer is gone through twice: once to find out
// how large it becomes, which takes no more than the encoding's window, and once
// to fill a buffer of that size. So it costs little more memory than it becomes,
// and what is refused costs next to none.
type inflation struct {
	encoding string
	body     []byte
	limit    int
	holding  *budget.Holding
	look     func(p []byte) (goOn bool) // sees the plain form as it comes; nil does not
}

const (
	// The first buffer is for so many times the compressed size, within bounds: what agents say comes down to a quarter or an eighth.
	firstTimes    = 8
	firstInflated = 16 << 10
	mostInflated  = 512 << 10
)

// whole is the plain form. The buffer is the caller's.
func (in *inflation) whole() ([]byte, error) {
	c, err := codingOf(in.encoding, in.body)
	if err != nil {
		return nil, err
	}
	defer c.close()
	plain, err := in.attempt(c)
	if z, is := c.(*zstandard); is && z.widen(err) {
		in.look = nil // it has seen the beginning
		plain, err = in.attempt(c)
	}
	if err != nil {
		in.holding.Hold(budget.Inflated, 0)
	}
	return plain, err
}

func (in *inflation) attempt(c coding) ([]byte, error) {
	first := pool.Buffer(min(max(firstTimes*len(in.body), firstInflated), mostInflated))
	if err := in.holding.Hold(budget.Inflated, cap(first)+c.state()); err != nil {
		return nil, err
	}
	first, size, err := in.measure(c, first)
	if err != nil {
		return nil, err
	}
	if size == len(first) {
		return first, in.holding.Hold(budget.Inflated, cap(first)) // less than before: the decoder is done
	}
	pool.Recycle(first)
	if err := in.holding.Hold(budget.Inflated, pool.BufferSize(size)+c.stateBeside()); err != nil {
		return nil, err
	}
	out, err := c.fill(pool.Buffer(size), in.body)
	if err == nil && len(out) != size { // never: it is the same body
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return out, in.holding.Hold(budget.Inflated, cap(out))
}

// measure fills first and finds out how many bytes there are in all.
func (in *inflation) measure(c coding, first []byte) ([]byte, int, error) {
	plain, err := c.open(in.body)
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
		if size += n; size > in.limit {
			return first, size, conn.ErrTooLarge
		}
		if n > 0 && in.look != nil && !in.look(into[:n]) {
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
