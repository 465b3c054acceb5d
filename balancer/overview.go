package balancer

import (
	"slices"
	"time"

	"uniapi/balancer/breaker"
)

// ProviderStatus is how a provider, its channels and its keys stand at one
// moment.
type ProviderStatus struct {
	Name, Engine string
	Channels     []ChannelStatus
	Keys         []KeyStatus
}

// ChannelStatus is how the channel of one of a provider's models stands.
// Models that have the same name upstream share it.
type ChannelStatus struct {
	Model, Upstream string // as clients and as the provider call it
	Status
}

// KeyStatus is how one of a provider's keys stands.
type KeyStatus struct {
	Index          int   // in the configuration, from 0
	Served, Failed int64 // attempts with it since the process began
	Status
	Models []ModelStatus // for which it rests while it may serve others
	Spent  []SpentModel  // for which others are asked rather than it
}

// SpentModel is a model for which a provider has told that a key has nothing left.
type SpentModel struct {
	Upstream string
	Until    time.Time
}

// ModelStatus is how a provider's key stands for one model alone: after a limit
// or a quota, which are counted for each.
type ModelStatus struct {
	Upstream string
	Status
}

// Status says whether something may be tried now, and what went wrong with it
// last, however long ago and whether it rested for it or not.
type Status struct {
	Resting     bool      // for all client keys
	Until       time.Time // when its pause ends; in the past while a request probes it, zero if it does not rest
	Alone       []Alone   // client keys for which alone it rests, since no other has met a failure
	LastError   string    // "" if nothing has failed since the process began
	LastErrorAt time.Time
}

// Alone is a client key for which something rests that serves others.
type Alone struct {
	Key    string    // alias
	Until  time.Time // as in Status
	Reason string
}

// Overview tells how all channels and keys of the configuration stand, in its
// order. It may be called at any time and disturbs no request.
func (s *State) Overview(t *Table) []ProviderStatus {
	w := watcher{s.now(), time.Now(), make(map[*breaker.Client]string, len(t.keys))}
	for _, k := range t.keys {
		w.aliases[k.client] = k.Config.Alias
	}
	all := make([]ProviderStatus, 0, len(t.Providers))
	for _, p := range t.Providers {
		status := ProviderStatus{Name: p.Config.Name, Engine: p.Config.Engine}
		for i, model := range p.Models {
			status.Channels = append(status.Channels, ChannelStatus{model.Alias, model.Upstream, w.status(p.channels[i].breaker)})
		}
		for i, key := range p.ring.keys {
			status.Keys = append(status.Keys, KeyStatus{i, key.served.Load(), key.failed.Load(), w.status(key.breaker), w.models(p, key), w.spent(p, key)})
		}
		all = append(all, status)
	}
	return all
}

// watcher words rests for people.
type watcher struct {
	now     int64     // on the state's clock
	wall    time.Time // the same moment, as others call it
	aliases map[*breaker.Client]string
}

func (w *watcher) status(b *breaker.Breaker) Status {
	var s Status
	if until, open := b.OpenForAll(w.now); open {
		s.Resting, s.Until = true, w.time(until)
	}
	for _, a := range b.OpenForOne(w.now) {
		if alias, known := w.aliases[a.Client]; known {
			s.Alone = append(s.Alone, Alone{alias, w.time(a.Until), a.Reason})
		}
	}
	if at, reason := b.Last(); at > 0 {
		s.LastError, s.LastErrorAt = reason, w.time(at)
	}
	return s
}

// models are those for which alone a key rests now.
func (w *watcher) models(p *Provider, key *keyState) []ModelStatus {
	var all []ModelStatus
	for i, model := range p.Models {
		pair := p.channels[i].pairs.of(key)
		if pair == nil || slices.ContainsFunc(all, func(m ModelStatus) bool { return m.Upstream == model.Upstream }) {
			continue
		}
		if s := w.status(pair); s.Resting || len(s.Alone) > 0 {
			all = append(all, ModelStatus{model.Upstream, s})
		}
	}
	return all
}

// spent are the models for which a key has nothing left by its provider's word.
func (w *watcher) spent(p *Provider, key *keyState) []SpentModel {
	var all []SpentModel
	for i, model := range p.Models {
		until := p.channels[i].told.of(key).Back(1, w.now)
		if until > 0 && !slices.ContainsFunc(all, func(m SpentModel) bool { return m.Upstream == model.Upstream }) {
			all = append(all, SpentModel{model.Upstream, w.time(until)})
		}
	}
	return all
}

func (w *watcher) time(at int64) time.Time { return w.wall.Add(time.Duration(at - w.now)) }
