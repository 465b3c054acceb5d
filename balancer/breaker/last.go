package breaker

import "sync"

// lastFailure is what went wrong with something last, whether it rests for it or
// not. It is under a lock rather than a pointer, so that a provider that is down
// does not cost an allocation for each attempt.
type lastFailure struct {
	mu     sync.Mutex
	at     int64 // on the state's clock; 0 is never
	reason string
}

// Note remembers what went wrong last.
func (b *Breaker) Note(at int64, reason string) {
	b.last.mu.Lock()
	b.last.at, b.last.reason = at, reason
	b.last.mu.Unlock()
}

// Last is what went wrong last, and when; 0 is never.
func (b *Breaker) Last() (at int64, reason string) {
	b.last.mu.Lock()
	defer b.last.mu.Unlock()
	return b.last.at, b.last.reason
}
