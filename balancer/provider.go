package balancer

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"uniapi/balancer/breaker"
	"uniapi/balancer/limit/told"
	"uniapi/balancer/schedule"
	"uniapi/config"
)

// providerState is what is known of a provider at one address. It outlives a reload that
// keeps the address, and its keys one that keeps them.
type providerState struct {
	id       string // as a breaker.Name has it
	address  string
	keys     map[string]*keyState // by hash
	channels map[string]*channelState
}

// channelState is what is known of one of a provider's models, by its name
// upstream.
type channelState struct {
	breaker      *breaker.Breaker // for all keys
	pairs        pairs
	told         perKey[told.Budget] // by the provider, of what is left to each of its keys
	load         schedule.Load
	pace, wholes atomic.Pointer[pace] // of streams, and of other answers
}

// provider finds the state of a provider. One that has moved to another address
// starts afresh; where only keys are others, they and what failed whichever key
// was used do.
func (s *State) provider(id string, cfg *config.Config, p *config.Provider) *providerState {
	address, kept := addressOf(cfg, p), s.providers[id]
	if kept == nil || kept.address != address {
		kept = &providerState{
			id: id + "\x00" + hex.EncodeToString(hash(address)[:8]), address: address, keys: make(map[string]*keyState), channels: make(map[string]*channelState),
		}
	}
	keys := make(map[string]*keyState, len(p.Keys))
	for _, secret := range p.Keys {
		id := string(hash(secret))
		if keys[id] = kept.keys[id]; keys[id] == nil {
			name := breaker.Name{Provider: kept.id, Key: hex.EncodeToString(hash(secret)[:16])}
			keys[id] = &keyState{name: name.Key, breaker: s.breakers.New(name)}
		}
	}
	if !maps.Equal(keys, kept.keys) {
		for _, c := range kept.channels {
			c.breaker.Wake()
			c.pairs.keep(keys)
			c.told.keep(keys)
		}
	}
	return &providerState{kept.id, address, keys, kept.channels}
}

// breaker finds a breaker by its name, nil if there is none of a provider, model or key that this configuration has.
func (s *State) breaker(of breaker.Name) *breaker.Breaker {
	s.building.Lock()
	defer s.building.Unlock()
	for _, p := range s.providers {
		if p.id != of.Provider {
			continue
		}
		var key *keyState
		for _, k := range p.keys {
			if k.name == of.Key {
				key = k
			}
		}
		channel := p.channels[of.Model]
		switch {
		case of.Key == "" && channel != nil:
			return channel.breaker
		case key != nil && of.Model == "":
			return key.breaker
		case key != nil && channel != nil:
			return channel.pairs.make(key)
		}
	}
	return nil
}

// addressOf is all that decides where a provider's requests go, and as whom if not
// by its keys.
func addressOf(cfg *config.Config, p *config.Provider) string {
	return fmt.Sprintf("%q", slices.Concat([]string{
		p.BaseURL, p.Engine, p.Preferences.Proxy, cfg.Preferences.Proxy, p.CFAccountID, p.ClientEmail, p.AWSAccessKey, p.TokenURI,
		string(hash(p.PrivateKey + "\x00" + p.AWSSecretKey + "\x00" + p.AWSSessionToken)),
	}, p.ProjectIDs, p.Regions))
}

func (a *providerState) channel(s *State, upstream string) *channelState {
	if a.channels[upstream] == nil {
		name := breaker.Name{Provider: a.id, Model: upstream}
		c := &channelState{breaker: s.breakers.New(name)}
		c.pairs.group, c.pairs.channel = s.breakers, name
		a.channels[upstream] = c
	}
	return a.channels[upstream]
}
