package balancer

import (
	"maps"
	"sync/atomic"

	"uniapi/balancer/breaker"
)

// perKey is what is known of a channel for one of the provider's keys each. Each is made when it is first needed.
type perKey[T any] struct {
	made atomic.Pointer[map[*keyState]*T]
}

// of is nil for a key of which nothing is known here.
func (p *perKey[T]) of(key *keyState) *T {
	made := p.made.Load()
	if made == nil {
		return nil
	}
	return (*made)[key]
}

func (p *perKey[T]) make(key *keyState, first func() *T) *T {
	for {
		old := p.made.Load()
		all := make(map[*keyState]*T)
		if old != nil {
			if t := (*old)[key]; t != nil {
				return t
			}
			maps.Copy(all, *old)
		}
		t := first()
		if all[key] = t; p.made.CompareAndSwap(old, &all) {
			return t
		}
	}
}

// keep forgets all keys but some.
func (p *perKey[T]) keep(keys map[string]*keyState) {
	for {
		old := p.made.Load()
		if old == nil {
			return
		}
		all := make(map[*keyState]*T)
		for _, key := range keys {
			if t := (*old)[key]; t != nil {
				all[key] = t
			}
		}
		if p.made.CompareAndSwap(old, &all) {
			return
		}
	}
}

// pairs are the breakers of a channel for one of the provider's keys each: of
// limits and quotas, which are a model's.
type pairs struct {
	perKey[breaker.Breaker]
	group   *breaker.Group
	channel breaker.Name
}

func (p *pairs) make(key *keyState) *breaker.Breaker {
	return p.perKey.make(key, func() *breaker.Breaker {
		name := p.channel
		name.Key = key.name
		return p.group.New(name)
	})
}
