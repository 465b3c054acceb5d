package balancer

import (
	"time"

	"uniapi/balancer/limit"
	"uniapi/balancer/schedule"
	"uniapi/config"
)

// persistence is what a provider's configuration says of asking it again.
type persistence struct {
	sameFirst bool          // once more before another channel is asked (retry_same_first)
	short     time.Duration // the longest Retry-After that is waited out (short_retry_after)
}

func persistenceOf(cfg *config.Config, p *config.Provider) persistence {
	all := persistence{cfg.Preferences.Retries.SameFirst, cfg.Preferences.Retries.ShortRetryAfter}
	if own := p.Preferences.Retries.SameFirst; own != nil {
		all.sameFirst = *own
	}
	return all
}

// awaited is a key that said itself when it takes requests again, soon enough to be waited for.
type awaited struct {
	key int
	at  int64 // on the state's clock; 0: there is none
}

// repeat notes what follows of an attempt's outcome for asking the same channel again: at once, before any other, or
// when it said. It tells whether the channel is one to come back to.
func (p *Plan) repeat(a Attempt, o *Outcome) (comesBack bool) {
	t := &p.tries[a.try]
	with := a.Provider.persistence
	soon := o.RetryAfter > 0 && o.RetryAfter <= with.short
	if soon && (o.Verdict == RateLimited || o.Verdict == Unavailable) {
		t.awaited = awaited{a.Key, p.key.state.now() + int64(o.RetryAfter)}
		comesBack = true
	}
	momentary := o.Verdict == Unavailable && o.Status >= 500 && (o.RetryAfter == 0 || soon) || o.Verdict == RateLimited && soon
	if with.sameFirst && momentary && !t.same && p.left > p.reserved() {
		t.same, p.same = true, a.try+1
		if t.awaited.at == 0 {
			t.awaited = awaited{a.Key, p.key.state.now()}
		}
	}
	return comesBack
}

// reserved is how many of the attempts are those of channels that were not tried yet. Where a key's own AUTO_RETRY says
// how many there are, none is.
func (p *Plan) reserved() int {
	if p.key.Config.Preferences.AutoRetry >= 0 {
		return 0
	}
	return p.route.leaves - p.Tried()
}

// await gives the attempt at a channel that said when it takes requests again, with the key that said so. That this
// rests is known: it was this request that learned it.
func (p *Plan) await(index int, now int64) (Attempt, bool) {
	t := &p.tries[index]
	key, at := t.awaited.key, t.awaited.at
	t.awaited = awaited{}
	if at == 0 {
		return Attempt{}, false
	}
	c := t.candidate
	a := Attempt{Candidate: c, Key: key, at: now, try: index}
	if ring := c.Provider.ring; key >= 0 && !p.takeLimit(&a, ring, key, c.Upstream, now) {
		return Attempt{}, false
	}
	a = p.made(t, a)
	a.Wait = time.Duration(max(at-now, 0))
	return a, true
}

// made counts an attempt.
func (p *Plan) made(t *try, a Attempt) Attempt {
	t.count++
	p.left--
	p.number++
	a.Number = p.number
	a.Affinity = p.affinity(&a)
	p.open |= a.bit()
	if a.hold.Holds() {
		p.holds = append(p.holds, held{a.Number, a.hold})
		a.hold = limit.Hold{}
	}
	a.loads((*schedule.Load).Begin)
	return a
}
