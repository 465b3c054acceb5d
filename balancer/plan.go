package balancer

import "uniapi/config"

// Verdict is what the relay learned from an attempt, in the terms that decide
// about the next one. The table is DESIGN's "Failures and what they do".
type Verdict int

// The verdicts, from best to worst for the request.
const (
	Served      Verdict = iota
	Unavailable         // no connection, timeout, 5xx, an answer that is none: try elsewhere, then here again
	RateLimited         // 429 and its like: this key rests
	KeyRefused          // 401, 403: this key is of no use
	NoModel             // 404: this channel does not have the model
	Mistaken            // 400, 422: the client's mistake, unless another channel is more lenient
	TooLong             // 413, context length, content policy: the same model will say the same again
	Over                // the client left, or bytes have reached it: no further attempt
)

// Attempt is one try: a channel and one of its keys.
type Attempt struct {
	*Candidate
	Key    int // index into the provider's keys, -1 for a provider without keys
	Number int // 1 for the first
	slot   int
}

// Plan walks one request through its channels. Every channel is tried once, in
// the order of the schedule, before any is tried again. A Plan is reused from
// request to request; it allocates only when it meets a longer route than
// before. It is used by one goroutine.
type Plan struct {
	route  *Route
	slots  []slot
	left   int // attempts that may still be made
	number int
	first  int // where the schedule begins
}

// slot is what this request knows of one candidate.
type slot struct {
	tries   int
	refused int // keys that turned out to be of no use
	closed  bool
}

// Start begins a request. retry is the API key's AUTO_RETRY: −1 for as many
// attempts as the route has, otherwise the number of attempts after the first.
func (p *Plan) Start(route *Route, schedule config.Schedule, retry int) {
	p.route = route
	p.slots = append(p.slots[:0], make([]slot, len(route.Candidates))...)
	p.left = route.attempts
	if retry >= 0 {
		p.left = min(p.left, 1+retry)
	}
	p.number = 0
	p.first = firstSlot(schedule, route)
}

// Next returns the attempt to make now, false when there is none left.
func (p *Plan) Next() (Attempt, bool) {
	if p.left <= 0 {
		return Attempt{}, false
	}
	// The slot with the fewest tries comes first, and of those the one next in
	// order: a full round over the others lies between two tries of a channel.
	best := -1
	for i := range p.slots {
		at := (p.first + i) % len(p.slots)
		if s := &p.slots[at]; !s.closed && (best < 0 || s.tries < p.slots[best].tries) {
			best = at
		}
	}
	if best < 0 {
		return Attempt{}, false
	}
	p.left--
	p.number++
	p.slots[best].tries++
	c := &p.route.Candidates[best]
	return Attempt{Candidate: c, Key: c.Provider.ring.next(), Number: p.number, slot: best}, true
}

// Report tells the plan how an attempt ended, so that Next leaves out what
// cannot help.
func (p *Plan) Report(a Attempt, v Verdict) {
	s := &p.slots[a.slot]
	switch v {
	case Served, Over:
		p.left = 0
	case KeyRefused, RateLimited:
		if s.refused++; s.refused >= a.Provider.ring.size {
			s.closed = true
		}
	case NoModel:
		s.closed = true
	case Mistaken:
		s.closed = true
		p.left = min(p.left, 1) // once elsewhere, then it is the client's
	case TooLong:
		for i := range p.slots {
			if p.route.Candidates[i].Upstream == a.Upstream {
				p.slots[i].closed = true
			}
		}
	case Unavailable:
	}
}

// firstSlot is where a schedule begins. fixed_priority begins at the first
// candidate; the other schedules move in here with their counters.
func firstSlot(config.Schedule, *Route) int { return 0 }
