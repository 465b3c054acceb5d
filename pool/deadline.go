package pool

import "time"

// Deadlines are the times an exchange may stand still; zero is none. They never end it early, and late by at most a
// thirty-second.
type Deadlines struct {
	FirstByte time.Duration // from the end of the request's write to the first byte of the answer
	Idle      time.Duration // between reads of the answer's body; also for the whole head once its first byte is there

	// UntilBegun has FirstByte go on until Response.Begin says that what has come is an answer, and Idle hold from then
	// on only: a head that comes at once, and comments, are none.
	UntilBegun bool
}

// alarm is a deadline set in the kernel's poller. Setting one costs more than a small read, so it is set somewhat late
// and left alone as long as it still serves: on a busy connection it moves only when a thirty-second of the timeout has
// passed.
type alarm struct {
	armed int64 // on the pool's clock; 0 = not set
}

// slack is how late an alarm may fire.
func slack(timeout time.Duration) int64 { return int64(timeout / 32) }

// move returns when to set the deadline so that it fires at need or at most late after it (need 0: never), and whether
// it has to be set at all.
func (a *alarm) move(need, late int64) (at int64, changed bool) {
	switch {
	case need == 0 && a.armed == 0, need != 0 && a.armed >= need && a.armed <= need+late:
		return a.armed, false
	case need == 0:
		a.armed = 0
	default:
		a.armed = need + late
	}
	return a.armed, true
}

// at is a time on the pool's clock, 0 for none.
func (p *Pool) at(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(int64(t.Sub(p.start))+1, 1)
}

// when is the form in which the standard library takes a time of the pool's clock.
func (p *Pool) when(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return p.start.Add(time.Duration(at - 1))
}
