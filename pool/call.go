package pool

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Call is one client request as the pool sees it through all its attempts. The zero value is ready; after Reset it
// serves another request. One goroutine at a time may be in Do or hold the Response; Cancel and Canceled may be called
// from any. Where several exchanges are to go on at once, each has a Branch.
type Call struct {
	canceled atomic.Bool
	due      time.Time // when everything for the request is over; zero is never. It belongs to the goroutine that uses the call
	mu       sync.Mutex
	stop     context.CancelFunc // ends the dial in progress
	conn     net.Conn           // the socket of the exchange in progress
	branches []*Call            // calls that end with this one
}

// Cancel ends the dial, the write or the read in progress at once by closing the socket, and fails every later Do with
// ErrCanceled.
func (c *Call) Cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled.Store(true)
	if c.stop != nil {
		c.stop()
	}
	// Closed under the lock: once detach has returned, the connection may serve another call.
	if c.conn != nil {
		_ = c.conn.Close()
	}
	for _, b := range c.branches {
		b.Cancel()
	}
}

// Branch makes another call a part of this one: it is over when this one is, and
// may be ended by itself. So several exchanges can go on for one request. It holds
// until Join.
func (c *Call) Branch(b *Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.due = c.due
	c.branches = append(c.branches, b)
	if c.canceled.Load() {
		b.Cancel()
	}
}

// Join ends what Branch began. The branch's last Response must be closed.
func (c *Call) Join(b *Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.branches = slices.DeleteFunc(c.branches, func(other *Call) bool { return other == b })
}

// Until sets when everything that is done for the request must be over, through all its attempts and to the end of the
// answer: what goes on then fails with ErrOverdue. Zero is never. It holds from the next Do on, and until it is set
// anew.
func (c *Call) Until(due time.Time) { c.due = due }

// Err is why nothing more can be done for the request: ErrCanceled, ErrOverdue, or nil.
func (c *Call) Err() error {
	switch {
	case c.canceled.Load():
		return ErrCanceled
	case !c.due.IsZero() && !time.Now().Before(c.due):
		return ErrOverdue
	}
	return nil
}

// Canceled reports whether Cancel was called since the last Reset.
func (c *Call) Canceled() bool { return c.canceled.Load() }

// Reset makes the call ready for another request. The last Response must be closed, and whoever might cancel must have
// let go.
func (c *Call) Reset() {
	c.canceled.Store(false)
	c.due = time.Time{}
}

// within is a context that ends after a time, and at the latest when the call is over.
func (c *Call) within(limit time.Duration) (context.Context, context.CancelFunc) {
	end := time.Now().Add(limit)
	if !c.due.IsZero() && c.due.Before(end) {
		end = c.due
	}
	return context.WithDeadline(context.Background(), end)
}

// Wait lets a time pass. It ends early, with ErrCanceled or ErrOverdue, when the call is over.
func (c *Call) Wait(d time.Duration) error {
	if d > 0 {
		ctx, cancel := c.within(d)
		defer cancel()
		if c.attach(nil, cancel) {
			<-ctx.Done()
			c.detach()
		}
	}
	return c.Err()
}

// attach names what Cancel ends from now on; false when it is too late.
func (c *Call) attach(conn net.Conn, stop context.CancelFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.canceled.Load() {
		return false
	}
	c.conn, c.stop = conn, stop
	return true
}

// detach lets go of what was attached; true when it was ended by Cancel.
func (c *Call) detach() (canceled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.stop = nil, nil
	return c.canceled.Load()
}

// Context is a context that Cancel and the time of Until end, for work of a request that is no exchange with an
// upstream, such as a fetch. release must be called before the call is used for anything else.
func (c *Call) Context() (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if !c.due.IsZero() {
		cancel()
		ctx, cancel = context.WithDeadline(context.Background(), c.due)
	}
	if !c.attach(nil, cancel) {
		cancel()
	}
	return ctx, func() {
		c.detach()
		cancel()
	}
}
