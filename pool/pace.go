package pool

import (
	"sync/atomic"
	"time"
)

// Pace is how soon a channel answers requests of one kind: what an answer is judged by that comes over a connection
// which served others before. A refusal takes less than an answer, so each has times of its own. The zero value knows
// nothing yet, a nil *Pace never will.
type Pace struct{ answers, refusals times }

// times are those from the write of a request's last piece to the first byte of the final head.
type times struct {
	least atomic.Int64 // 0: none is known
	known atomic.Int32 // how many, up to enough
}

const (
	// few is how many times must be known for another to be too short.
	few = 3
	// enough is how many must be known for all to be too short that is less than half of the least. How long an answer
	// takes depends on what was asked, so the first ones say little of the shortest to come: until then nothing is too
	// short from hasty on.
	enough = 32
	hasty  = 250 * time.Millisecond
	// discernible is the least that is judged. Below it are providers on this machine, and what its scheduler does.
	discernible = 5 * time.Millisecond
)

func (t *times) learn(took int64) {
	took = max(took, 1)
	for least := t.least.Load(); least == 0 || took < least; least = t.least.Load() {
		if t.least.CompareAndSwap(least, took) {
			break
		}
	}
	if t.known.Load() < enough {
		t.known.Add(1)
	}
}

func (p *Pace) learn(refusal bool, took int64) {
	switch {
	case p == nil:
	case refusal:
		p.refusals.learn(took)
	default:
		p.answers.learn(took)
	}
}

// shortest is the least time known, and of how many it is. A refusal is judged by both kinds: it may take as long as an
// answer.
func (p *Pace) shortest(refusal bool) (least int64, known int32) {
	if p == nil {
		return 0, 0
	}
	least, known = p.answers.least.Load(), p.answers.known.Load()
	if refused := p.refusals.least.Load(); refusal && refused != 0 {
		known += p.refusals.known.Load()
		if least == 0 || refused < least {
			least = refused
		}
	}
	return least, known
}

// judges says whether enough is known to tell another's answer by its time.
func (p *Pace) judges() bool { return p == nil || p.answers.known.Load() >= few }

// tooShort is the time that no answer, or refusal, can come within; 0 as long as that is not known.
func (p *Pace) tooShort(refusal bool) int64 {
	least, known := p.shortest(refusal)
	limit := least / 2
	if known < enough {
		limit = min(limit, int64(hasty))
	}
	if known < few || limit < int64(discernible) {
		return 0
	}
	return limit
}
