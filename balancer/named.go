package balancer

import (
	"net/netip"

	"uniapi/config"
)

// Named is what provider p calls the model that a request of the key names beside the one that it asks for: a model
// that the key may use there, by the name that clients have for it or by the provider's own. Model is the name that
// clients have for it, by which limits and prices are set. False for every other name.
func (k *Key) Named(name string, p *Provider, client netip.Addr) (upstream, model string, ok bool) {
	if upstream, ok = k.at(name, p, client); ok {
		return upstream, name, true
	}
	for _, m := range p.Models {
		if m.Upstream != name {
			continue
		}
		if upstream, ok = k.at(m.Alias, p, client); ok && upstream == name {
			return name, m.Alias, true
		}
	}
	return "", "", false
}

// at is the upstream name of a model that the key may use at p.
func (k *Key) at(model string, p *Provider, client netip.Addr) (upstream string, ok bool) {
	route := k.Find(model)
	if route == nil {
		return "", false
	}
	for _, e := range route.entries {
		switch {
		case e.via != nil:
			if e.via.denies(client, false) != config.NotDenied {
				continue
			}
			if upstream, ok = e.via.at(model, p, client); ok {
				return upstream, true
			}
		case e.Provider == p:
			return e.Upstream, true
		}
	}
	return "", false
}
