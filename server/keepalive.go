package server

import (
	"io"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
)

// keepalive is how long a stream's client may go without a byte, 0 if it may go
// without for as long as it takes (keepalive_interval).
func (in *inbound) keepalive() time.Duration {
	properties := in.format.Properties()
	if !in.stream || properties.Heartbeat == nil {
		return 0
	}
	if in.route.Keepalive == 0 && (properties.Pinged || in.mayBuffer()) {
		return pingEvery // who waits for a whole answer must see that somebody is there
	}
	return in.route.Keepalive
}

// pingEvery is how often clients are shown that somebody is there where nothing is configured.
const pingEvery = 15 * time.Second

// sign is what says that the upstream is still at work, in the client's format.
func (in *inbound) sign() []byte { return in.format.Properties().Heartbeat }

// relayBehindComments is the relay of a request with a keepalive_interval. If no
// channel has answered when it is over, the answer begins all the same, with
// comments; the attempts go on behind them.
func (x *exchange) relayBehindComments(every time.Duration) {
	result := make(chan *codec.Error, 1)
	go func() {
		defer func() { // outside the handler nothing else would catch it
			if p := recover(); p != nil {
				x.server.logPanic(x.ctx, p)
				result <- errPanic
			}
		}()
		result <- x.relay()
	}()
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case err := <-result:
		x.comments = every
		if err != nil {
			x.refuse(err)
			return
		}
		x.respond()
	case <-timer.C:
		x.comments, x.pending = every, result
		x.beginStream()
	}
}

// commenter writes a comment into a stream whenever nothing else was written for
// its interval. Its methods may be called while the timer fires.
type commenter struct {
	every time.Duration
	sign  []byte

	mu      sync.Mutex
	w       io.Writer
	timer   *time.Timer
	stopped bool
	err     error
}

func newCommenter(w io.Writer, every time.Duration, sign []byte) *commenter {
	c := &commenter{w: w, every: every, sign: sign}
	c.mu.Lock()
	c.timer = time.AfterFunc(every, c.comment)
	c.mu.Unlock()
	return c
}

func (c *commenter) comment() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	if _, c.err = c.w.Write(c.sign); c.err == nil {
		c.timer.Reset(c.every)
	}
}

// Write passes p on and lets the interval begin anew.
func (c *commenter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(p)
	c.timer.Reset(c.every)
	return n, err
}

func (c *commenter) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.timer.Stop()
}

// await waits for the attempts behind the comments, and says whether one was
// served. If none was, the error is the last event of the stream.
func (x *exchange) await(w io.Writer) *codec.Error {
	if _, err := w.Write(x.sign()); err != nil {
		x.call.Cancel() // so that the attempts end
	}
	err := <-x.pending
	x.pending = nil
	return err
}

// setRetryAfter tells a client when to come back, in whole seconds.
func setRetryAfter(ctx *fasthttp.RequestCtx, wait time.Duration) {
	if wait > 0 {
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, seconds(wait))
	}
}
