package breaker

import "sync/atomic"

// Client is a client key as breakers remember it.
type Client struct {
	named   atomic.Int32  // in how many places records name it
	changes atomic.Uint64 // how often what they say of it has changed
}

// Named says whether something is open for the client that is not for all.
func (c *Client) Named() bool { return c.named.Load() != 0 }

// Changes is how often what breakers say of the client alone has changed.
func (c *Client) Changes() uint64 { return c.changes.Load() }
