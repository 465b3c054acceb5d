package breaker

import (
	"math"
	"slices"
)

// record says for whom something rests at one moment. It is never changed:
// whatever happens makes another. nil is one by which it rests for nobody.
type record struct {
	all    *Pause  // for all client keys; nil if it does not
	probes []probe // of all, each of another client key
	alone  []alone // for one client key each
}

// probe is an attempt that tries whether a pause for all is over.
type probe struct {
	by    *Client
	until int64 // when it is given up
}

// alone is a pause for one client key.
type alone struct {
	client *Client
	pause  *Pause
	probe  int64 // until when a probe has the word; 0 is none
}

const (
	// ProbesAtOnce is of how many client keys one request each may probe what rests for all.
	ProbesAtOnce = 2
	// MostAlone bounds for how many client keys something can rest that serves others. One more takes the place
	// of the one that is back first.
	MostAlone = 32
)

// View is what a record means for one client.
type View struct {
	State State
	Back  int64 // when it may be tried again, if it rests
	Alone bool  // it rests for this client, and not for all

	// Of the pause that lasts longest:
	Until  int64
	Limit  bool
	Reason string

	// Held is until when it is not asked either where nobody else can serve, but for a request a minute; 0 is not at
	// all.
	Held int64
}

func (r *record) look(now int64, c *Client) View {
	var v View
	if r == nil {
		return v
	}
	if r.all != nil {
		v.add(r.all, now, r.probesTaken(now, c))
	}
	if i := r.find(c); i >= 0 {
		own := &r.alone[i]
		before := v.State
		if v.add(own.pause, now, own.probe) && before != Open {
			v.Alone = true
		}
	}
	return v
}

// add takes a pause into the view, which cannot be probed until a moment.
func (v *View) add(p *Pause, now, probed int64) (rests bool) {
	back := max(p.Until, probed)
	if now >= back {
		if v.State == Closed {
			v.State = HalfOpen
		}
		return false
	}
	v.State = Open
	if p.Held > now {
		v.Held = max(v.Held, min(p.Held, p.Began+heldProbes))
	}
	if back > v.Back {
		v.Back, v.Until, v.Limit, v.Reason = back, p.Until, p.Limit, p.Reason
	}
	return true
}

// probesTaken is until when a client cannot probe what rests for all, because it
// does so already or enough others do; 0 is now.
func (r *record) probesTaken(now int64, c *Client) int64 {
	under, first := 0, int64(math.MaxInt64)
	for _, p := range r.probes {
		if p.until <= now {
			continue
		}
		if p.by == c || p.by == others {
			return p.until
		}
		under++
		first = min(first, p.until)
	}
	if under < ProbesAtOnce {
		return 0
	}
	return first
}

// probed says whether a probe of what rests for all is under way.
func (r *record) probed(now int64) bool {
	return slices.ContainsFunc(r.probes, func(p probe) bool { return p.until > now })
}

// take is the record after a client has asked for the right to try; r itself if
// that changes nothing.
func (r *record) take(now int64, c *Client) (*record, State) {
	v := r.look(now, c)
	if v.State != HalfOpen {
		return r, v.State
	}
	next, lease := r.copy(), now+ProbeLease
	if next.all != nil {
		next.probes = slices.DeleteFunc(next.probes, func(p probe) bool { return p.until <= now })
		next.probes = append(next.probes, probe{c, lease})
	}
	if i := next.find(c); i >= 0 {
		next.alone[i].probe = lease
	}
	return next, HalfOpen
}

// failed is the record after an attempt of a client, begun at a moment, has
// failed. vouched is when an attempt began that was served.
func (r *record) failed(p *Pause, c *Client, at, vouched int64) *record {
	next := r.release(at, c).copy()
	next.alone = slices.DeleteFunc(next.alone, func(a alone) bool { return max(a.pause.Until+forgotten, a.probe) <= p.Began })
	if p.Sure || next.seconds(p, c, vouched) {
		next.all, next.probes = p.behind(next.all, at), nil
		// For whom it rests longer it still does: what a provider said to one is not for all.
		next.alone = slices.DeleteFunc(next.alone, func(a alone) bool { return a.pause.Until <= next.all.Until })
		return next
	}
	if i := next.find(c); i >= 0 {
		next.alone[i] = alone{client: c, pause: p.behind(next.alone[i].pause, at)}
		return next
	}
	if len(next.alone) == MostAlone {
		first := 0
		for i, a := range next.alone {
			if a.pause.Until < next.alone[first].pause.Until {
				first = i
			}
		}
		next.alone = slices.Delete(next.alone, first, first+1)
	}
	next.alone = append(next.alone, alone{client: c, pause: p})
	return next
}

// seconds says whether a failure is the second that client keys have met: while
// it rests for another, and nobody else was served since. That an answer began
// says nothing about whether one breaks off. What others may have brought about is
// neither the first nor the second: one client key that keeps many connections
// would make another meet it.
func (r *record) seconds(p *Pause, c *Client, vouched int64) bool {
	return !p.Crowded && slices.ContainsFunc(r.alone, func(a alone) bool {
		return a.client != c && !a.pause.Crowded && a.pause.Until > p.Began && (a.pause.Broken || a.pause.Began > vouched)
	})
}

// doubted says whether an attempt of a client, begun at a moment and served, is
// the first to say that it is not for all that it failed for another.
func (r *record) doubted(at int64, c *Client, vouched int64) bool {
	return slices.ContainsFunc(r.alone, func(a alone) bool { return a.client != c && vouched < a.pause.Began && a.pause.Began < at })
}

// behind is a pause after another, nil for none, begun by an attempt of a moment.
// A pause that is on is never cut short: what a provider said to a request that was
// late does not undo what it said to another. Nor does a guess make it longer.
func (p *Pause) behind(old *Pause, at int64) *Pause {
	if old == nil || old.Until <= p.Began {
		return p
	}
	both := *p
	both.Held, both.Broken = max(p.Held, old.Held), p.Broken || old.Broken
	both.Proven = old.Proven || at > old.Began
	if old.Until > p.Until || p.Guess {
		both.Until, both.Reason, both.Limit = old.Until, old.Reason, old.Limit
	}
	return &both
}

// served is the record after an attempt of a client, begun at a moment, was
// served; r itself if that changes nothing.
func (r *record) served(at int64, c *Client) *record {
	all := r.all != nil && r.all.Began < at
	i := r.find(c)
	own := i >= 0 && r.alone[i].pause.Began < at
	if !all && !own {
		return r
	}
	next := r.copy()
	if all {
		next.all, next.probes = nil, nil
	}
	if own {
		next.alone = slices.Delete(next.alone, i, i+1)
	}
	return next
}

// release is the record without the probe of a client that began at a moment; r
// itself if there is none.
func (r *record) release(at int64, c *Client) *record {
	if r == nil {
		return nil
	}
	lease := at + ProbeLease
	mine := func(p probe) bool { return p.by == c && p.until == lease }
	i := r.find(c)
	own := i >= 0 && r.alone[i].probe == lease
	if !own && !slices.ContainsFunc(r.probes, mine) {
		return r
	}
	next := r.copy()
	next.probes = slices.DeleteFunc(next.probes, mine)
	if own {
		next.alone[i].probe = 0
	}
	return next
}

// find is the index of the pause for a client alone, -1 if there is none.
func (r *record) find(c *Client) int {
	return slices.IndexFunc(r.alone, func(a alone) bool { return a.client == c })
}

func (r *record) pauseOf(c *Client) *Pause {
	if i := r.find(c); i >= 0 {
		return r.alone[i].pause
	}
	return nil
}

// pauseOfAll is that for all client keys.
func (r *record) pauseOfAll() *Pause {
	if r == nil {
		return nil
	}
	return r.all
}

// probing is how many probes of this instance are under way.
func (r *record) probing() (n int) {
	if r == nil {
		return 0
	}
	for _, p := range r.probes {
		if p.by != others {
			n++
		}
	}
	return n
}

func (r *record) copy() *record {
	if r == nil {
		return &record{}
	}
	return &record{r.all, slices.Clone(r.probes), slices.Clone(r.alone)}
}

func (r *record) empty() bool { return r == nil || r.all == nil && len(r.alone) == 0 }

// sameForAll says whether two records mean the same for those whom neither names.
func (r *record) sameForAll(o *record) bool {
	if r == nil || o == nil {
		return (r == nil || r.all == nil) && (o == nil || o.all == nil)
	}
	return r.all == o.all && slices.Equal(r.probes, o.probes)
}

// name counts for each client how often the record names it.
func (r *record) name(by int32) {
	if r == nil {
		return
	}
	count := func(c *Client) {
		if c != nil {
			c.named.Add(by)
			c.changes.Add(1)
		}
	}
	for _, p := range r.probes {
		count(p.by)
	}
	for _, a := range r.alone {
		count(a.client)
	}
}
