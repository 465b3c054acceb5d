package breaker

import (
	"context"
	"time"
)

// Store passes on between instances what rests for all client keys. What rests for one client key stays in its
// instance: it is believed of nobody else. No request waits for a store but one that is about to probe, for Claim.
type Store interface {
	// Publish tells the other instances how breakers stand now, and gives back what this one has claimed of them. It
	// returns by the deadline of ctx; what could not be published is published again.
	Publish(ctx context.Context, news []News) error
	// Watch calls told with what other instances publish: first with all that rests now, then with what changes. It
	// returns when ctx is done, or with why it cannot hear them any more; then it is called again.
	Watch(ctx context.Context, told func([]News)) error
	// Claim says whether this instance may probe: true for one at a time, until it publishes how the breaker stands or
	// lease is over. It returns by the deadline of ctx.
	Claim(ctx context.Context, of Name, lease time.Duration) (bool, error)
}

// Name is what a breaker is of, the same in all instances that reach it at the same address. It holds no secret.
type Name struct {
	Provider string // with a digest of its address
	Model    string // as the provider calls it; "" for a key, whatever the model
	Key      string // a digest of the provider's key; "" for the channel, whatever the key
}

// News is how a breaker stands for all client keys. Times are from now on: instances have no clock in common.
type News struct {
	Name
	Rests    bool // else it is closed
	Until    time.Duration
	Held     time.Duration // Pause.Held; 0 is not at all
	Failures int
	Limit    bool
	Reason   string // without secrets: it is what clients are told
}

// Local is the Store of an instance that is alone.
type Local struct{}

// Publish implements Store.
func (Local) Publish(context.Context, []News) error { return nil }

// Watch implements Store.
func (Local) Watch(ctx context.Context, _ func([]News)) error {
	<-ctx.Done()
	return ctx.Err()
}

// Claim implements Store.
func (Local) Claim(context.Context, Name, time.Duration) (bool, error) { return true, nil }
