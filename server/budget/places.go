package budget

import "sync/atomic"

// Places are how many requests may be under way together, by share like memory: when they are scarce, no client key has
// more than its part. Any number of goroutines may use them. A place costs four additions, taken and given back.
type Places struct {
	limit int64
	of    func(*Share) *atomic.Int64 // how many a key has
	taken atomic.Int64
}

// NewPlaces makes so many.
func NewPlaces(limit int64) *Places { return &Places{limit: limit, of: (*Share).requests} }

// NewFetches makes so many for what requests fetch, each for one connection.
func NewFetches(limit int64) *Places { return &Places{limit: limit, of: (*Share).fetched} }

// NewBodies makes so many for requests that are being sent.
func NewBodies(limit int64) *Places { return &Places{limit: limit, of: (*Share).sent} }

func (s *Share) requests() *atomic.Int64 { return &s.places }
func (s *Share) fetched() *atomic.Int64  { return &s.fetches }
func (s *Share) sent() *atomic.Int64     { return &s.bodies }

// Limit is how many there are.
func (p *Places) Limit() int64 { return p.limit }

// Load is how many are taken.
func (p *Places) Load() int64 { return p.taken.Load() }

// Places is how many the key has.
func (s *Share) Places() int64 { return s.places.Load() }

// Full says that there is none left, whoever asks.
func (p *Places) Full() bool { return p.taken.Load() >= p.limit }

// Refuses says whether Take would take none.
func (p *Places) Refuses(s *Share, only bool) bool {
	return !p.fits(p.taken.Load()+1, p.of(s).Load()+1, only)
}

// Take takes one for a key, and says whether it may have it. A key that is the only one there is may have all. Give is
// called in either case.
func (p *Places) Take(s *Share, only bool) bool {
	return p.fits(p.taken.Add(1), p.of(s).Add(1), only)
}

// Give gives one back.
func (p *Places) Give(s *Share) {
	p.of(s).Add(-1)
	p.taken.Add(-1)
}

// fits says whether all that are taken, with those of one key, are not too many. The first of a key has none but the
// limit to keep to.
func (p *Places) fits(all, own int64, only bool) bool {
	left := p.limit - all
	return left >= 0 && (only || own/greed <= left)
}
