package pool

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

// Response is the answer to one request. It lives in its connection: after Close it belongs to somebody else. It is for
// one goroutine.
type Response struct {
	Status int
	Header fasthttp.ResponseHeader // as it came, except that Content-Encoding is gone when the pool undoes it
	Reused bool                    // it came over a connection that had served before
	Tap    func(p []byte)          // called with what is read of the body, before it is given out, until Close or CloseLater
	Memory Memory                  // asked by AppendBody, until Close or CloseLater; nil is no bound
	Blanks time.Duration           // how long after the request AppendBody lets a body begin with white space, which it leaves out, until Close; 0: it is a part of it

	bodyReader
	inflate *inflater // nil unless the body is compressed
	total   int64     // bytes given out
}

// begin prepares the response for its body once its head has been read.
func (r *Response) begin(method string, head []byte, d Deadlines) error {
	r.Status = r.Header.StatusCode()
	r.total, r.inflate = 0, nil
	if r.Status == fasthttp.StatusProxyAuthRequired && r.c.target.absolute != "" {
		t := r.c.target
		err := &Error{Proxy, "asking the proxy " + t.proxy.name + " for " + t.addr, errProxyAuth}
		if company := t.at.company(t.pool.now(), 1); company != Nobody {
			err.Err = &accompanied{errProxyAuth, company}
		}
		return err
	}
	r.bodyReader.begin(method, &r.Header, head, d)
	if coding := r.Header.ContentEncoding(); len(coding) > 0 && r.framing != noBody {
		var err error
		if r.inflate, err = newInflater(&r.bodyReader, string(coding)); err != nil {
			return r.c.protocolError(err)
		}
		r.Header.Del(fasthttp.HeaderContentEncoding)
	}
	return nil
}

// Next returns the next bytes of the body, decoded: everything already received, as one slice, valid until the next
// call. io.EOF is the proper end; a body that was cut is an *Error of kind Reset. It is never empty without an error.
func (r *Response) Next() ([]byte, error) {
	p, err := r.decoded()
	r.total += int64(len(p))
	if r.Tap != nil {
		r.Tap(p)
	}
	if r.total > r.c.target.pool.opts.MaxAnswer {
		return nil, r.tooLarge(r.c.target.pool.opts.MaxAnswer)
	}
	return p, err
}

// Begin says that what has come is a part of an answer: from now on Deadlines.Idle holds. It is of no effect unless
// Deadlines.UntilBegun was asked for.
func (r *Response) Begin() { r.c.readBy, r.c.idle = 0, r.limits.Idle }

// Ended says that the body has come and been given out to its proper end: Next would say io.EOF, without waiting. It
// may be so without being known yet.
func (r *Response) Ended() bool { return r.inflate == nil && r.err == nil && r.ended() }

// Inflating is how many bytes undoing the body's compression takes beside what it gives out, 0 if it is not compressed.
// They are not there before the body is read.
func (r *Response) Inflating() int {
	if r.inflate == nil {
		return 0
	}
	return inflaterState + r.c.in.Size()
}

func (r *Response) decoded() ([]byte, error) {
	if r.inflate != nil {
		return r.inflate.next()
	}
	return r.next()
}

func (r *Response) tooLarge(limit int64) error {
	r.err = &Error{TooLarge, r.op(), fmt.Errorf("larger than %d bytes", limit)}
	return r.err
}

// AppendBody appends the rest of the body to dst. More than limit bytes (0: only Options.MaxAnswer) is an *Error of
// kind TooLarge; what Memory has no room for is Memory's error. On any error what came before it is returned too.
func (r *Response) AppendBody(dst []byte, limit int) ([]byte, error) {
	if highest := r.c.target.pool.opts.MaxAnswer; limit <= 0 || int64(limit) > highest {
		limit = int(highest)
	}
	if r.framing == fixedLength && r.inflate == nil && r.left > limit {
		return dst, r.tooLarge(int64(limit))
	}
	start := len(dst)
	g := Growing{B: dst, Memory: r.Memory}
	for {
		if r.framing == fixedLength && r.inflate == nil && r.err == nil && r.left >= r.c.in.Size() && r.c.in.Buffered() == 0 {
			// One large read. It leaves the last buffer's worth to the buffered way, which sees whether more came than
			// was announced.
			if err := g.Room(1, r.left); err != nil {
				r.err = err
				return g.B, err
			}
			n, err := r.readInto(g.B[len(g.B):min(cap(g.B), len(g.B)+r.left-r.c.in.Size()+1)])
			if g.B = g.B[:len(g.B)+n]; r.Tap != nil {
				r.Tap(g.B[len(g.B)-n:])
			}
			if err != nil {
				return g.B, err
			}
			continue
		}
		p, err := r.Next()
		if r.Blanks > 0 && len(g.B) == start && err == nil && len(bytes.TrimSpace(p)) == 0 {
			if r.c.target.pool.now() > r.c.sentAt+int64(r.Blanks) {
				r.err = &Error{FirstByteTimeout, r.op(), fmt.Errorf("nothing but white space within %v", r.Blanks)}
				return g.B, r.err
			}
			continue
		}
		if len(g.B)-start+len(p) > limit {
			return g.B, r.tooLarge(int64(limit))
		}
		if full := g.Room(len(p), r.announced()); full != nil {
			r.err = full
			return g.B, full
		}
		g.B = append(g.B, p...)
		if err == io.EOF {
			return g.B, nil
		}
		if err != nil {
			return g.B, err
		}
	}
}

// announced is how many bytes are said to follow, 0 if it is not known.
func (r *Response) announced() int {
	if r.framing == fixedLength && r.inflate == nil {
		return r.left
	}
	return 0
}

// The longest that the end of an answer is waited for once nobody needs the rest: most servers send the last chunk at
// once, some in a packet of its own.
const endWithin = time.Second

// CloseLater is Close for an answer of which everything that counts has been read, though its end may not have come:
// the end is waited for in the background, so that the connection can be kept. The call is free at once.
func (r *Response) CloseLater() {
	r.Tap, r.Memory, r.Blanks = nil, nil, 0
	if r.drain() || r.err != nil {
		r.Close()
		return
	}
	if r.call.detach() {
		r.call, r.inflate = nil, nil
		r.c.dispose()
		return
	}
	r.call = new(Call)
	r.c.headBy(r.c.target.pool.now(), endWithin)
	r.c.due = 0
	go func() {
		for range 2 { // the end, or a little and the end
			if _, err := r.Next(); err != nil {
				break
			}
		}
		r.Close()
	}()
}

// Close ends the exchange; it must be called once. The connection is kept if the body was read to its end, or its rest
// has already been received; otherwise it is closed, which tells the upstream to stop. Nothing may stand behind the
// end.
func (r *Response) Close() {
	c, call := r.c, r.call
	reusable := r.drain() && c.keep && !r.early()
	behind := silence
	if reusable {
		behind = c.trailing()
	}
	r.call, r.inflate, r.Tap, r.Memory, r.Blanks = nil, nil, nil, nil, 0
	if canceled := call.detach(); canceled || !reusable || behind != silence {
		c.dispose()
		if behind == unasked {
			c.target.stray()
		}
		return
	}
	c.in.Return()
	c.target.push(c)
}

// early says that the answer may have been given before the whole request had come: a refusal of one that is longer
// than one write takes, whose head says enough. Servers that keep such a connection take the rest of the body for the
// next request, and answer that as well. What stands behind it is the client's own doing then, and tells nothing about
// other connections; this one serves no more.
func (r *Response) early() bool { return r.c.large && r.Status >= 400 }

// refusal says that the answer is none that a model has made.
func (r *Response) refusal() bool { return r.Status < 200 || r.Status > 299 }
