// Package idempotency keeps answers for a time, so that a request which is sent again
// under the same Idempotency-Key gets the answer of the first one.
package idempotency

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"
)

// Sum stands for what was hashed into it.
type Sum [sha256.Size]byte

// Limits bound what a Store keeps.
type Limits struct {
	Entries int           // answers, and requests under way
	Bytes   int           // of all together
	Answer  int           // bytes of one; a longer one is not kept
	Time    time.Duration // that an answer is kept for
}

// entryBytes is what an entry takes beside its answer, about.
const entryBytes = 512

// Answer is one as the client got it.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte // is not to be changed
}

// Verdict is what becomes of a request.
type Verdict int

const (
	First    Verdict = iota // it is to be served, and its claim ended
	UnderWay                // the first one is being served: see Claim.Done
	Replayed                // the first one's answer is here
	Conflict                // the first one was another request
	NotKept                 // the first one was answered, by what could not be kept
	Full                    // so many are under way, or of its owner, that this one cannot be noted
)

// Store has what is under way and what is kept. It may be used by many at once, and nobody loses an answer
// to somebody who has more than he: what goes for want of room is the oldest of whoever has the most. Of the
// room for what is under way, which cannot go, an owner may have twice what he leaves to others.
type Store struct {
	limits Limits

	mu      sync.Mutex
	entries map[Sum]*Claim
	owners  map[string]*owner // those who have any
	stock
	forgotten int64
}

// stock is how much there is.
type stock struct {
	bytes  int // reserved
	moving int // of these, for what is under way
	under  int // requests under way
}

// owner is whose answers are kept.
type owner struct {
	name    string
	entries int
	kept    list.List // of *Claim, those that have ended, the oldest first
	stock
}

// Stats are what a store holds, and how many answers it has thrown away before their time.
type Stats struct {
	Entries, Bytes int
	Forgotten      int64
}

// Stats are those of this moment.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Entries: len(s.entries), Bytes: s.bytes, Forgotten: s.forgotten}
}

// New makes an empty store.
func New(limits Limits) *Store {
	return &Store{limits: limits, entries: map[Sum]*Claim{}, owners: map[string]*owner{}}
}

// Time is for how long an answer is kept.
func (s *Store) Time() time.Duration { return s.limits.Time }

// Claim is a request under a key: under way, or kept with its answer.
type Claim struct {
	store   *Store
	owner   *owner
	key     Sum
	request Sum
	done    chan struct{}

	// Of whoever serves the request, until it ends.
	body   []byte
	told   Answer // what the client has got whole; Status 0 is nothing
	lost   bool   // it is too long, or there was no room
	served bool   // it has ended

	// Under the store's lock.
	ended    *list.Element // nil while under way
	reserved int
	expiry   *time.Timer
}

// Claim finds out what becomes of a request that an owner sends under a key. The claim belongs
// to the caller if it is First, who must End it; it is nil where there is none to wait for.
func (s *Store) Claim(of string, key, request Sum) (*Claim, Answer, Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.entries[key]; c != nil {
		switch {
		case c.request != request:
			return nil, Answer{}, Conflict
		case c.ended == nil:
			return c, Answer{}, UnderWay
		case c.lost:
			return nil, Answer{}, NotKept
		}
		return nil, c.told, Replayed
	}
	o := s.owners[of]
	if o == nil {
		o = &owner{name: of}
	}
	if left := s.limits.Entries - s.under - 1; left < 0 || o.under > 2*left {
		return nil, Answer{}, Full
	}
	for len(s.entries) >= s.limits.Entries {
		if !s.evict(o, 1, func(o *owner) int { return o.entries }) {
			return nil, Answer{}, Full
		}
	}
	c := &Claim{store: s, owner: o, key: key, request: request, done: make(chan struct{})}
	if !s.reserve(c, entryBytes) {
		return nil, Answer{}, Full
	}
	s.entries[key], s.owners[of] = c, o
	o.entries++
	o.under++
	s.under++
	return c, Answer{}, First
}

// Done is closed when a request that was under way has ended. What became of it, another
// Claim tells: it may be that nothing of it is kept.
func (c *Claim) Done() <-chan struct{} { return c.done }

// Add takes a piece of the answer.
func (c *Claim) Add(p []byte) {
	if c.lost || len(p) == 0 {
		return
	}
	n := len(c.body) + len(p)
	if n > c.store.limits.Answer {
		c.lose()
		return
	}
	if n > cap(c.body) {
		size := n
		if len(c.body) > 0 { // it comes in pieces
			size = min(max(n, 2*cap(c.body)), c.store.limits.Answer)
		}
		// For a moment there are both.
		if !c.grow(size) {
			c.lose()
			return
		}
		old := cap(c.body)
		c.body = append(make([]byte, 0, size), c.body...)
		c.shrink(old)
	}
	c.body = append(c.body, p...)
}

// Whole says that the answer is all there, and how it was told.
func (c *Claim) Whole(status int, contentType string) {
	c.told = Answer{Status: status, ContentType: contentType}
}

// End ends a request that was answered with a status. Its answer is kept if it was told
// whole with this one; else the next request under the key is the first again.
func (c *Claim) End(status int) {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.served {
		return
	}
	c.served = true
	defer close(c.done)
	if c.told.Status == 0 || c.told.Status != status {
		s.remove(c)
		return
	}
	c.told.Body, c.body = c.body, nil
	s.stop(c)
	c.ended = c.owner.kept.PushBack(c)
	c.expiry = time.AfterFunc(s.limits.Time, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.entries[c.key] == c {
			s.remove(c)
		}
	})
}

// lose gives up keeping the answer.
func (c *Claim) lose() {
	c.lost = true
	c.shrink(cap(c.body))
	c.body = nil
}

func (c *Claim) grow(n int) bool {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	return c.store.reserve(c, n)
}

func (c *Claim) shrink(n int) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.account(c, -n)
}

// reserve takes room for a claim, from answers that are kept if there is none.
func (s *Store) reserve(c *Claim, n int) bool {
	if left := s.limits.Bytes - s.moving - n; left < 0 || c.owner.moving+n > 2*left {
		return false // and nothing is thrown away in vain
	}
	for s.bytes+n > s.limits.Bytes {
		if !s.evict(c.owner, n, func(o *owner) int { return o.bytes }) {
			return false
		}
	}
	s.account(c, n)
	return true
}

// account books what a claim under way takes.
func (s *Store) account(c *Claim, n int) {
	c.reserved += n
	for _, of := range [...]*stock{&s.stock, &c.owner.stock} {
		of.bytes += n
		of.moving += n
	}
}

// stop books that a claim is no longer under way.
func (s *Store) stop(c *Claim) {
	for _, of := range [...]*stock{&s.stock, &c.owner.stock} {
		of.moving -= c.reserved
		of.under--
	}
}

// evict throws an answer away for an owner who wants so much more: the oldest of whoever has the most, this one with
// what he wants. False if there is none of somebody who has as much as he then would.
func (s *Store) evict(of *owner, more int, has func(*owner) int) bool {
	richest, most := of, has(of)+more
	if of.kept.Len() == 0 {
		richest = nil
	}
	for _, o := range s.owners {
		if o != of && o.kept.Len() > 0 && has(o) >= most && (has(o) > most || richest == nil) {
			richest, most = o, has(o)
		}
	}
	if richest == nil {
		return false
	}
	s.remove(richest.kept.Front().Value.(*Claim))
	s.forgotten++
	return true
}

// remove forgets a claim.
func (s *Store) remove(c *Claim) {
	o := c.owner
	if c.ended != nil {
		o.kept.Remove(c.ended)
		c.expiry.Stop()
	} else {
		s.stop(c)
	}
	s.bytes -= c.reserved
	o.bytes -= c.reserved
	delete(s.entries, c.key)
	if o.entries--; o.entries == 0 {
		delete(s.owners, o.name)
	}
}
