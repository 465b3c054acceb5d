package relay

import (
	"io"
	"sync"
	"time"

	"uniapi/codec"
)

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
func (d *Delivery) await(w io.Writer) *codec.Error {
	if _, err := w.Write(d.sign()); err != nil {
		d.Call.Cancel() // so that the attempts end
	}
	err := <-d.Pending
	d.Pending = nil
	return err
}

// sign is what says that the upstream is still at work, in the client's format; nil where there is no such thing.
func (d *Delivery) sign() []byte { return d.Client.Properties().Heartbeat }
