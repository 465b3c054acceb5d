package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
)

// streamType is the answer's own content type, where it has one.
func (a *attempt) streamType() []byte {
	if len(a.contentType) > 0 {
		return a.contentType
	}
	if kind := a.format.Properties().StreamType; kind != nil {
		return kind
	}
	return contentTypeEvents
}

func (x *exchange) beginStream() {
	x.status = statusClientGone // until it is known to have ended otherwise
	if x.stages&withLog != 0 {
		x.pace = paces.Get().(*pace)
	}
	header := &x.ctx.Response.Header
	header.SetContentTypeBytes(x.at.streamType())
	header.Set(fasthttp.HeaderCacheControl, "no-cache")
	header.Set("X-Accel-Buffering", "no") // an nginx in front must not collect events
	if !x.ctx.Request.Header.IsHTTP11() {
		x.streamUntilClose()
		return
	}
	x.chunked = true
	x.chunks.CatchHead(x.ctx.Conn())
	x.ctx.Response.ImmediateHeaderFlush = true
	x.ctx.Response.SetBodyStream(x, -1)
}

// streamUntilClose answers a client that speaks HTTP/1.0, as nginx does towards
// its upstreams unless told otherwise. It cannot read chunks: its stream ends
// with the connection. fasthttp streams in chunks only, so this takes the
// connection over.
func (x *exchange) streamUntilClose() {
	ctx := x.ctx
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		head := []byte("HTTP/1.1 200 OK\r\nConnection: close\r\n")
		for name, value := range ctx.Response.Header.All() {
			if string(name) != fasthttp.HeaderContentLength {
				head = fmt.Appendf(head, "%s: %s\r\n", name, value)
			}
		}
		if _, err := c.Write(append(head, "\r\n"...)); err == nil {
			x.WriteTo(c)
		}
		x.Close()
	})
}

// WriteTo is the life of a stream: fasthttp calls it in the connection's own
// goroutine, behind the head.
func (x *exchange) WriteTo(w io.Writer) (written int64, err error) {
	defer x.surviveStream(&err)
	if x.chunked {
		x.chunks.Begin()
		w = &x.chunks
	}
	if x.tap != nil {
		w = recording{w, x.tap.Answer()}
	}
	if x.comments > 0 {
		c := newCommenter(w, x.comments, x.sign())
		defer c.stop()
		w = c
	}
	if x.pending != nil {
		if told := x.await(w); told != nil {
			x.failure = told
			return 0, x.breakOff(w)
		}
	}
	return x.deliver(w)
}

// pump passes the stream on, whatever a read brought as one write, until it
// ends: io.EOF is the proper end.
func (x *exchange) pump(w io.Writer) (written int64, err error) {
	out, err := x.at.first, x.at.broken
	for {
		switch {
		case err != nil:
		case x.at.answer == nil, x.at.flow.Done(): // a replayed answer is all there
			err = io.EOF
		case x.at.answer.Ended() && x.joins():
			// It has all come: what the flow says behind it leaves with it.
			n, werr := x.send(w, out, true)
			written += n
			if werr != nil {
				return written, werr
			}
			if out, err = x.at.flow.End(); err == nil {
				err = io.EOF
			}
		}
		n, werr := x.send(w, out, err == io.EOF)
		written += n
		if werr != nil {
			return written, werr
		}
		if err != nil {
			return written, err
		}
		var in []byte
		switch in, err = x.at.answer.Next(); err {
		case nil:
			if out, err = x.at.flow.Push(in); err == nil {
				err = x.at.holdFlow()
			}
		case io.EOF:
			if out, err = x.at.flow.End(); err == nil {
				err = io.EOF
			}
		default:
			out = nil
		}
	}
}

// send writes a piece of the stream. The last one waits for what fasthttp puts
// behind it.
func (x *exchange) send(w io.Writer, out []byte, last bool) (written int64, err error) {
	if len(out) == 0 {
		return 0, nil
	}
	if x.first != nil {
		x.first.Add(out)
	}
	var n int
	if last && x.joins() {
		if x.tap != nil {
			x.tap.Answer().Add(out)
		}
		n, err = x.chunks.Finish(out)
	} else {
		n, err = w.Write(out)
	}
	x.live.written.Add(int64(n))
	if x.pace != nil {
		x.pace.wrote(n, time.Since(x.start))
	}
	if err != nil {
		err = errors.Join(errClient, err)
	}
	return int64(n), err
}

// joins says that what is written last can wait for what follows. Not if a
// comment may come between.
func (x *exchange) joins() bool { return x.chunked && x.comments == 0 }

// breakOff ends a stream that failed. A client must be able to tell an answer
// that was cut from one that ended: it gets an error event, and the connection
// is closed without the last chunk.
func (x *exchange) breakOff(w io.Writer) error {
	if x.call.Canceled() {
		return errClient
	}
	if x.joins() {
		x.chunks.Flush()
	}
	x.status = x.failure.Status
	if x.path.Raw && !bytes.HasPrefix(x.at.contentType, []byte("text/event-stream")) {
		return x.failure // an error event would be a piece of a sound
	}
	if own, has := x.at.flow.(interface {
		Fail(dst []byte, e *codec.Error) []byte
	}); has {
		w.Write(own.Fail(nil, x.failure))
		return x.failure
	}
	encoder := x.at.encoder
	if encoder == nil { // the stream passed through, or has not begun
		encoder = x.format.NewStreamEncoder(&codec.Request{Model: x.model})
	}
	w.Write(encoder.Fail(nil, x.failure))
	return x.failure
}

// Close is called by fasthttp when it is done with the stream, also when it
// could not begin to write it.
func (x *exchange) Close() error {
	if x.chunked {
		x.chunks.Begin()
	}
	if x.pending != nil { // the attempts still go on
		x.call.Cancel()
		<-x.pending
	}
	if x.at.answer != nil && x.status == fasthttp.StatusOK {
		x.at.answer.CloseLater()
		x.at.answer = nil
	}
	if x.first != nil && x.status == fasthttp.StatusOK {
		x.keepAnswer(fasthttp.StatusOK, nil)
	}
	x.end(x.status)
	return nil
}

// SupportsBodyWriteTo lets fasthttp use WriteTo, which saves a goroutine and a
// pipe for every stream.
func (x *exchange) SupportsBodyWriteTo() bool { return true }

// Read is what io.Reader asks for; fasthttp uses WriteTo.
func (x *exchange) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
