package cluster

import (
	"sync/atomic"
	"time"
)

// pulse tells whether this machine is so busy that who sleeps is woken late. Answers seem late then, whoever gives
// them. It is felt for a while at a time, on demand.
type pulse struct {
	felt atomic.Bool  // somebody does
	late atomic.Int64 // when somebody was woken late for the last time, in Unix nanoseconds
}

const (
	pulseEvery = 10 * time.Millisecond
	pulseFor   = time.Second
)

// feel begins to look, if nobody does.
func (p *pulse) feel() {
	if p.felt.Swap(true) {
		return
	}
	go func() {
		defer p.felt.Store(false)
		for began := time.Now(); time.Since(began) < pulseFor; {
			due := time.Now().Add(pulseEvery)
			time.Sleep(pulseEvery)
			if now := time.Now(); now.Sub(due) > busyWhen {
				p.late.Store(now.UnixNano())
			}
		}
	}()
}

// is says whether somebody was woken late in the last second.
func (p *pulse) is() bool { return time.Since(time.Unix(0, p.late.Load())) < pulseFor }
