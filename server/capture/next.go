package capture

import (
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// mostWanted is how many exchanges may be waited for at once, each of which is held until somebody has taken it.
const mostWanted = 4

// ErrTooManyWanted says that nobody else may wait for an exchange now.
var ErrTooManyWanted = errors.New("as many captures waited for as may be")

// Next is where somebody waits for the next exchange of a client key. The zero value is ready for use.
type Next struct {
	some atomic.Bool // whether anybody waits for a request that has not come: all that requests look at

	mu   sync.Mutex
	list []*Want
}

// Want is an exchange that is waited for.
type Want struct {
	ID    string
	Until time.Time     // no request that comes later is it
	Done  chan struct{} // closed once there is an exchange

	from     *Next
	keys     []string
	lease    time.Duration
	end      *time.Timer
	claimed  bool
	exchange *Exchange
}

// Want waits for the next request under one of these keys that comes within a time. It is given up if nobody asks for
// it, by Find, for the time of the lease.
func (n *Next) Want(keys []string, within, lease time.Duration) (*Want, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.list) >= mostWanted {
		return nil, ErrTooManyWanted
	}
	w := &Want{ID: rand.Text(), Until: time.Now().Add(within), Done: make(chan struct{}), from: n, keys: keys, lease: lease}
	w.end = time.AfterFunc(lease, w.GiveUp)
	n.list = append(n.list, w)
	n.some.Store(true)
	return w, nil
}

// Find is one that is waited for, nil if it has been given up.
func (n *Next) Find(id string) *Want {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.list {
		if w.ID == id {
			w.end.Reset(w.lease)
			return w
		}
	}
	return nil
}

// Some says whether anybody waits for a request.
func (n *Next) Some() bool { return n.some.Load() }

// Claim is who waits for a request of a key that has come; nil if nobody does. What comes of the request is to be told
// to Bring.
func (n *Next) Claim(key string) *Want {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer n.look()
	for _, w := range n.list {
		if w.waits() && slices.Contains(w.keys, key) {
			w.claimed = true
			return w
		}
	}
	return nil
}

// waits says whether no request has come yet, and one still may.
func (w *Want) waits() bool { return !w.claimed && time.Now().Before(w.Until) }

// look finds out whether there is anybody whom requests must look for.
func (n *Next) look() { n.some.Store(slices.ContainsFunc(n.list, (*Want).waits)) }

// Bring gives it what it has waited for.
func (w *Want) Bring(e *Exchange) {
	w.from.mu.Lock()
	defer w.from.mu.Unlock()
	w.exchange = e
	close(w.Done)
}

// GiveUp ends it: nothing is held for it any more.
func (w *Want) GiveUp() {
	w.from.mu.Lock()
	defer w.from.mu.Unlock()
	w.end.Stop()
	w.from.list = slices.DeleteFunc(w.from.list, func(other *Want) bool { return other == w })
	w.from.look()
}

// Stands tells how far it is: whether its request has come, and the exchange once that has ended.
func (w *Want) Stands() (come bool, e *Exchange) {
	w.from.mu.Lock()
	defer w.from.mu.Unlock()
	return w.claimed, w.exchange
}

// Over says whether no request has come, and none will.
func (w *Want) Over() bool {
	w.from.mu.Lock()
	defer w.from.mu.Unlock()
	return !w.claimed && !w.waits()
}
