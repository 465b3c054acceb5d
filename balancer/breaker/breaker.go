// Package breaker keeps what failed out of the way, and finds out when it is fit again.
package breaker

import (
	"sync/atomic"
	"time"
)

// Breaker keeps a channel, which is a provider and one of its models, or a
// provider's key out of the way after a failure.
//
// What a request says, asks for or brings along may be what makes an attempt
// fail, so a failure is first believed of the client key that met it: it rests for
// that one alone, and for all when another client key meets one too while it does
// and nobody else was served in between. Only what no request can bring about
// (pause.Sure) is believed of one, and what many requests of one client key can
// make another meet (pause.Crowded) is believed of nobody else. So the requests of
// one client key never keep others from what serves them, and of an outage the
// second client to meet it spares all others the attempt.
//
// When a pause is over requests try whether it is fit again (probes): of a pause
// for one client key one request at a time, of a pause for all one of each of two
// client keys, since one alone could keep it shut, by failing or by taking its
// time. The others stay away until a probe was served.
//
// Where nobody else can serve, what is open is asked all the same (Force): without
// more ado if it failed once only, else by one request at a time.
//
// A request that finds nothing at rest pays one load. A nil Breaker is closed.
type Breaker struct {
	record  atomic.Pointer[record] // nil: it is closed for all
	group   *Group
	name    Name
	vouched atomic.Int64 // when the last attempt began that was served after another client key's had failed
	last    lastFailure  // it stays when the pause is over
}

// Pause is one stay out of the way. It is never changed.
type Pause struct {
	Began    int64  // when it failed last, on the state's clock
	Until    int64  // when a probe is due
	Held     int64  // until when it holds where nobody else can serve, too: the provider said so, or the key is dead
	Guess    bool   // nobody said for how long: a failure that comes while it is on makes it no longer
	Failures int    // how often in a row it has failed: the probes behind the first failure are counted, not what failed beside them
	Proven   bool   // it failed when it was asked while it was on
	Sure     bool   // no request can have brought it about
	Crowded  bool   // requests of others at the same time may have
	Broken   bool   // an answer broke off that had begun
	Limit    bool   // it began with a limit of the provider's: a 429, or no quota left
	Reason   string // the failure
}

// ProbeLease is how long a probe may take before another request becomes one. It
// only matters if a probe is never reported, and is as long as slow models think.
const ProbeLease = int64(10 * time.Minute)

// State is what a breaker means for one request.
type State int

// The states: of nothing at rest, of a pause that is over, and of one that is not or that others probe.
const (
	Closed   State = iota
	HalfOpen       // it may be tried, by this request alone
	Open
)

// Take asks for the right to try. A probe must be reported: Served, Failed or
// Release, with the same moment.
func (b *Breaker) Take(now int64, c *Client) State {
	if b == nil || b.record.Load() == nil { // a call less for most
		return Closed
	}
	return b.claim(now, c)
}

func (b *Breaker) claim(now int64, c *Client) State {
	for {
		old := b.record.Load()
		if old == nil {
			return Closed
		}
		next, state := old.take(now, c)
		if next == old || b.replace(old, next) {
			return state
		}
	}
}

// Look is Take without taking, and with what it is about.
func (b *Breaker) Look(now int64, c *Client) View {
	if b == nil {
		return View{}
	}
	return b.record.Load().look(now, c)
}

// Back is when a client may try again; 0 is now. Without a client it is when
// those may for whom alone nothing rests.
func (b *Breaker) Back(now int64, c *Client) int64 {
	if v := b.Look(now, c); v.State == Open {
		return v.Back
	}
	return 0
}

// Failed begins a pause after the failure of an attempt that a client had begun
// at a moment.
func (b *Breaker) Failed(next *Pause, c *Client, at int64) {
	if next.Broken {
		b.vouched.CompareAndSwap(at, 0) // it has not been served after all
	}
	for {
		old := b.record.Load()
		if b.replace(old, old.failed(next, c, at, b.vouched.Load())) {
			return
		}
	}
}

// Served ends the pauses that held for a client after an attempt of it was served.
// at is when the attempt Began: one that began before a pause says nothing about
// what came since.
func (b *Breaker) Served(at int64, c *Client) {
	if b != nil && b.record.Load() != nil {
		b.heal(at, c)
	}
}

func (b *Breaker) heal(at int64, c *Client) {
	for {
		old := b.record.Load()
		if old == nil {
			return
		}
		for seen := b.vouched.Load(); old.doubted(at, c, seen) && !b.vouched.CompareAndSwap(seen, at); {
			seen = b.vouched.Load()
		}
		if next := old.served(at, c); next == old || b.replace(old, next) {
			return
		}
	}
}

// Release gives back a probe that told nothing, because the client left or was
// itself at fault.
func (b *Breaker) Release(at int64, c *Client) {
	if b == nil {
		return
	}
	for {
		old := b.record.Load()
		if old == nil {
			return
		}
		if next := old.release(at, c); next == old || b.replace(old, next) {
			return
		}
	}
}

// Failures is how often in a row something had failed before an attempt of a
// client, which began at a moment, failed now. What fails together counts as one,
// as does what fails while it is open. Failures that are long over do not count.
func (b *Breaker) Failures(now, at int64, c *Client) int {
	rec := b.record.Load()
	if rec == nil {
		return 0
	}
	most := 0
	for _, p := range []*Pause{rec.all, rec.pauseOf(c)} {
		switch {
		case p == nil, now-p.Until > forgotten:
		case at <= p.Began, now < p.Until:
			most = max(most, p.Failures-1)
		default:
			most = max(most, p.Failures)
		}
	}
	return most
}

// forgotten is how long after a pause a failure does not count as one behind it
// any more.
const forgotten = int64(10 * time.Minute)

// Wake closes it, whatever it has failed with. It tells whether it was open.
func (b *Breaker) Wake() bool {
	if b == nil {
		return false
	}
	for {
		old := b.record.Load()
		if old == nil {
			return false
		}
		if b.replace(old, nil) {
			return true
		}
	}
}

// replace puts a record in the place of the one it was made from, and has other
// instances told if that concerns them.
func (b *Breaker) replace(old, next *record) bool {
	if !b.put(old, next) {
		return false
	}
	if b.group.store != nil && (old.pauseOfAll() != next.pauseOfAll() || next.probing() < old.probing()) {
		b.group.note(b)
	}
	return true
}

// put puts a record in the place of another, and counts for whom that changes
// something.
func (b *Breaker) put(old, next *record) bool {
	if next.empty() {
		next = nil
	}
	if !b.record.CompareAndSwap(old, next) {
		return false
	}
	next.name(+1) // before the old ones, so that nobody is without a name in between
	old.name(-1)
	if !old.sameForAll(next) {
		b.group.changes.Add(1)
	}
	return true
}

// New is a breaker of a group.
func (g *Group) New(name Name) *Breaker { return &Breaker{group: g, name: name} }

// OpenForAll is until when it rests for all clients; false if it does not. That
// is in the past while a request probes it.
func (b *Breaker) OpenForAll(now int64) (until int64, open bool) {
	rec := b.record.Load()
	if rec == nil || rec.all == nil || now >= rec.all.Until && !rec.probed(now) {
		return 0, false
	}
	return rec.all.Until, true
}

// Alone is a client for which alone something rests.
type Alone struct {
	Client *Client
	Until  int64 // as of OpenForAll
	Reason string
}

// OpenForOne are the clients for which alone it rests.
func (b *Breaker) OpenForOne(now int64) []Alone {
	rec := b.record.Load()
	if rec == nil {
		return nil
	}
	var all []Alone
	for _, a := range rec.alone {
		if now < max(a.pause.Until, a.probe) {
			all = append(all, Alone{a.client, a.pause.Until, a.pause.Reason})
		}
	}
	return all
}
