package balancer

import "uniapi/balancer/schedule"

// bit is the attempt's among those under way, which are few.
func (a *Attempt) bit() uint64 { return 1 << (a.Number % 64) }

// loads visits what the attempt keeps busy.
func (a *Attempt) loads(visit func(*schedule.Load)) {
	visit(&a.load)
	if a.Key >= 0 {
		visit(&a.Provider.ring.keys[a.Key].load)
	}
}

// measure notes what an outcome says of times, and that the attempt is over, if it is.
func (p *Plan) measure(a *Attempt, o *Outcome) {
	if p.open&a.bit() == 0 {
		return
	}
	if o.FirstByte > 0 || o.Whole > 0 {
		now := p.key.state.now()
		if o.FirstByte > 0 {
			a.load.Began(now, o.FirstByte)
			a.began(p.Attributes.Stream, o.FirstByte)
		}
		if o.Whole > 0 {
			a.load.Took(now, o.Whole)
		}
	}
	if o.Verdict != Served || o.Whole > 0 {
		p.open &^= a.bit()
		a.loads((*schedule.Load).End)
	}
}
