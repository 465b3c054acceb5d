package balancer

import (
	"sync"
	"time"
)

// ProviderStanding is how a provider, its channels and its keys stand at one
// moment.
type ProviderStanding struct {
	Name, Engine string
	Channels     []ChannelStanding
	Keys         []KeyStanding
}

// ChannelStanding is how the channel of one of a provider's models stands.
// Models that have the same name upstream share it.
type ChannelStanding struct {
	Model, Upstream string // as clients and as the provider call it
	Standing
}

// KeyStanding is how one of a provider's keys stands.
type KeyStanding struct {
	Index          int   // in the configuration, from 0
	Served, Failed int64 // attempts with it since the process began
	Standing
}

// Standing says whether something may be tried now, and what went wrong with it
// last, however long ago and whether it rested for it or not.
type Standing struct {
	Resting     bool
	Until       time.Time // when its pause ends; in the past while a request probes it, zero if it does not rest
	LastError   string    // "" if nothing has failed since the process began
	LastErrorAt time.Time
}

// Overview tells how all channels and keys of the configuration stand, in its
// order. It may be called at any time and disturbs no request.
func (s *State) Overview(t *Table) []ProviderStanding {
	now, wall := s.now(), time.Now()
	all := make([]ProviderStanding, 0, len(t.Providers))
	for _, p := range t.Providers {
		standing := ProviderStanding{Name: p.Config.Name, Engine: p.Config.Engine}
		for i, model := range p.Models {
			standing.Channels = append(standing.Channels, ChannelStanding{model.Alias, model.Upstream, p.rests[i].standing(now, wall)})
		}
		for i, key := range p.ring.keys {
			standing.Keys = append(standing.Keys, KeyStanding{i, key.served.Load(), key.failed.Load(), key.rest.standing(now, wall)})
		}
		all = append(all, standing)
	}
	return all
}

// standing words a rest for people. now, on the state's clock, is the moment
// that others call wall.
func (r *rest) standing(now int64, wall time.Time) Standing {
	var s Standing
	if standing, pause := r.look(now); standing == resting {
		s.Resting, s.Until = true, wall.Add(time.Duration(pause.until-now))
	}
	if at, reason := r.last.get(); at > 0 {
		s.LastError, s.LastErrorAt = reason, wall.Add(time.Duration(at-now))
	}
	return s
}

// lastFailure is what went wrong with something last, whether it rests for it or
// not. It is under a lock rather than a pointer, so that a provider that is down
// does not cost an allocation for each attempt.
type lastFailure struct {
	mu     sync.Mutex
	at     int64 // on the state's clock; 0 is never
	reason string
}

func (l *lastFailure) note(at int64, reason string) {
	l.mu.Lock()
	l.at, l.reason = at, reason
	l.mu.Unlock()
}

func (l *lastFailure) get() (at int64, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at, l.reason
}
