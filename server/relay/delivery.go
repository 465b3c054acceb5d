package relay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/pool"
	"uniapi/server/capture"
	"uniapi/server/conn"
	"uniapi/server/idempotency"
)

// Delivery is a stream on its way to its client: fasthttp is given one in the place of a body, and has it written in
// the connection's own goroutine. It writes one Answer after the other, as its owner has them, until one has come to
// its end.
type Delivery struct {
	Owner   Owner
	Call    *pool.Call    // cancelled when the client leaves
	Written *atomic.Int64 // counts the bytes

	Client codec.Format // what the client speaks
	Model  string       // that it has asked for
	Raw    bool         // the answers pass as they come

	Comments time.Duration     // longest silence towards the client; 0 is any
	Gap      time.Duration     // likewise while another channel is looked for that goes on
	Pending  chan *codec.Error // brings how the attempts ended, while they go on behind comments; nil if one has answered

	Start  time.Time          // of the request
	Pace   *Pace              // of the stream, if that is to be known
	Record *capture.Recording // of all that is written; nil if nobody wants it
	Repeat *idempotency.Claim // by which the answer is kept for who sends the request again; nil if it is not

	chunked bool // the stream leaves in chunks
	chunks  conn.Chunks
	status  int          // how it ended
	failure *codec.Error // that it ended with, as the client is told
}

// Owner is whose stream a Delivery writes: the request with its attempts.
type Owner interface {
	// Answer is what is written, which is another one after each call of GoOn that returns nil.
	Answer() *Answer
	// GoOn is told that the answer broke off and has another upstream go on with it; the error is what the client is
	// told if none does.
	GoOn(err error) *codec.Error
	// Panicked is told what was recovered, and returns what the client is told.
	Panicked(panicked any) *codec.Error
	// Delivered ends the request. Nothing of the Delivery is used after it.
	Delivered(status int, failure *codec.Error)
}

// StatusClientGone is what the log says of a client that left, after nginx.
const StatusClientGone = 499

// errClient is an error in writing to the client.
var errClient = errors.New("writing to the client")

// Begin has fasthttp write the stream, with its head.
func (d *Delivery) Begin(ctx *fasthttp.RequestCtx) {
	d.status = StatusClientGone // until it is known to have ended otherwise
	header := &ctx.Response.Header
	header.SetContentTypeBytes(d.contentType())
	header.Set(fasthttp.HeaderCacheControl, "no-cache")
	header.Set("X-Accel-Buffering", "no") // an nginx in front must not collect events
	if !ctx.Request.Header.IsHTTP11() {
		d.untilClose(ctx)
		return
	}
	d.chunked = true
	d.chunks.CatchHead(ctx.Conn())
	ctx.Response.ImmediateHeaderFlush = true
	ctx.Response.SetBodyStream(d, -1)
}

// contentType is the answer's own, where it has one and has come.
func (d *Delivery) contentType() []byte {
	if d.Pending == nil {
		if a := d.Owner.Answer(); len(a.ContentType) > 0 {
			return a.ContentType
		}
	}
	if kind := d.Client.Properties().StreamType; kind != nil {
		return kind
	}
	return ContentTypeEvents
}

// untilClose answers a client that speaks HTTP/1.0, as nginx does towards its upstreams unless told otherwise. It
// cannot read chunks: its stream ends with the connection. fasthttp streams in chunks only, so this takes the
// connection over.
func (d *Delivery) untilClose(ctx *fasthttp.RequestCtx) {
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		head := []byte("HTTP/1.1 200 OK\r\nConnection: close\r\n")
		for name, value := range ctx.Response.Header.All() {
			if string(name) != fasthttp.HeaderContentLength {
				head = fmt.Appendf(head, "%s: %s\r\n", name, value)
			}
		}
		if _, err := c.Write(append(head, "\r\n"...)); err == nil {
			d.WriteTo(c)
		}
		d.Close()
	})
}

// WriteTo is the life of a stream: fasthttp calls it in the connection's own goroutine, behind the head.
func (d *Delivery) WriteTo(w io.Writer) (written int64, err error) {
	defer d.survive(&err)
	if d.chunked {
		d.chunks.Begin()
		w = &d.chunks
	}
	if d.Record != nil {
		w = recording{w, d.Record}
	}
	if d.Comments > 0 {
		c := newCommenter(w, d.Comments, d.sign())
		defer c.stop()
		w = c
	}
	if d.Pending != nil {
		if d.failure = d.await(w); d.failure != nil {
			return 0, d.breakOff(w)
		}
	}
	return d.deliver(w)
}

// deliver writes the stream to its end, by whichever upstreams.
func (d *Delivery) deliver(w io.Writer) (written int64, err error) {
	for {
		n, err := d.pump(w)
		written += n
		switch {
		case err == io.EOF:
			d.status = fasthttp.StatusOK
			return written, nil
		case errors.Is(err, errClient):
			return written, err
		}
		if d.failure = d.goOn(w, err); d.failure != nil {
			return written, d.breakOff(w)
		}
	}
}

// goOn has the answer gone on with while the client is shown that somebody is there, also where it is not before an
// answer begins.
func (d *Delivery) goOn(w io.Writer, err error) *codec.Error {
	if d.Comments == 0 && d.Owner.Answer().Joint != nil && d.sign() != nil {
		c := newCommenter(w, d.Gap, d.sign())
		defer c.stop()
	}
	return d.Owner.GoOn(err)
}

// pump passes an answer on, whatever a read brought as one write, until it ends: io.EOF is the proper end.
func (d *Delivery) pump(w io.Writer) (written int64, err error) {
	a := d.Owner.Answer()
	out, err := a.First, a.broken
	for {
		switch {
		case err != nil:
		case a.Open == nil, a.Flow.Done(): // a replayed answer is all there
			err = io.EOF
		case a.Open.Ended() && d.joins():
			// It has all come: what the flow says behind it leaves with it.
			n, werr := d.send(w, out, true)
			written += n
			if werr != nil {
				return written, werr
			}
			if out, err = a.Flow.End(); err == nil {
				err = io.EOF
			}
		}
		n, werr := d.send(w, out, err == io.EOF)
		written += n
		if werr != nil {
			return written, werr
		}
		if err != nil {
			return written, err
		}
		var in []byte
		switch in, err = a.Open.Next(); err {
		case nil:
			if out, err = a.Flow.Push(in); err == nil {
				err = a.holdFlow()
			}
		case io.EOF:
			if out, err = a.Flow.End(); err == nil {
				err = io.EOF
			}
		default:
			out = nil
		}
	}
}

// send writes a piece of the stream. The last one waits for what fasthttp puts behind it.
func (d *Delivery) send(w io.Writer, out []byte, last bool) (written int64, err error) {
	if len(out) == 0 {
		return 0, nil
	}
	if d.Repeat != nil {
		d.Repeat.Add(out)
	}
	var n int
	if last && d.joins() {
		if d.Record != nil {
			d.Record.Add(out)
		}
		n, err = d.chunks.Finish(out)
	} else {
		n, err = w.Write(out)
	}
	d.Written.Add(int64(n))
	if d.Pace != nil {
		d.Pace.Wrote(n, time.Since(d.Start))
	}
	if err != nil {
		err = errors.Join(errClient, err)
	}
	return int64(n), err
}

// recording collects what is written to a client.
type recording struct {
	io.Writer
	to *capture.Recording
}

func (r recording) Write(p []byte) (int, error) {
	r.to.Add(p)
	return r.Writer.Write(p)
}

// joins says that what is written last can wait for what follows. Not if a comment may come between.
func (d *Delivery) joins() bool { return d.chunked && d.Comments == 0 }

// breakOff ends a stream that failed. A client must be able to tell an answer that was cut from one that ended: it gets
// an error event, and the connection is closed without the last chunk.
func (d *Delivery) breakOff(w io.Writer) error {
	if d.Call.Canceled() {
		return errClient
	}
	if d.joins() {
		d.chunks.Flush()
	}
	d.status = d.failure.Status
	a := d.Owner.Answer()
	if d.Raw && !bytes.HasPrefix(a.ContentType, []byte("text/event-stream")) {
		return d.failure // an error event would be a piece of a sound
	}
	if own, has := a.Flow.(interface {
		Fail(dst []byte, e *codec.Error) []byte
	}); has {
		w.Write(own.Fail(nil, d.failure))
		return d.failure
	}
	encoder := a.encoder
	if encoder == nil { // the stream passed through, or has not begun
		encoder = d.Client.NewStreamEncoder(&codec.Request{Model: d.Model})
	}
	w.Write(encoder.Fail(nil, d.failure))
	return d.failure
}

// survive ends a stream that panics as one that broke off. fasthttp writes streams after the handler has returned,
// where nothing would catch it.
func (d *Delivery) survive(err *error) {
	panicked := recover()
	if panicked == nil {
		return
	}
	d.failure = d.Owner.Panicked(panicked)
	d.status, *err = d.failure.Status, d.failure
	a := d.Owner.Answer()
	a.Close()
	a.Flow = nil // which is not asked what it knows
}

// Close is called by fasthttp when it is done with the stream, also when it could not begin to write it.
func (d *Delivery) Close() error {
	if d.chunked {
		d.chunks.Begin()
	}
	if d.Pending != nil { // the attempts still go on
		d.Call.Cancel()
		<-d.Pending
	}
	if a := d.Owner.Answer(); a.Open != nil && d.status == fasthttp.StatusOK {
		a.Open.CloseLater()
		a.Open = nil
	}
	d.Owner.Delivered(d.status, d.failure)
	return nil
}

// SupportsBodyWriteTo lets fasthttp use WriteTo, which saves a goroutine and a pipe for every stream.
func (d *Delivery) SupportsBodyWriteTo() bool { return true }

// Read is what io.Reader asks for; fasthttp uses WriteTo.
func (d *Delivery) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
