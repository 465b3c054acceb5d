package balancer

import "uniapi/balancer/breaker"

// EveryKey stands for all of a provider's keys, and none in particular.
const EveryKey = -1

// Wake ends what rests of a provider: all, or what is of one model (by either name; "" is all) or one key (by index) or
// both. It tells how much rested, for whomever; false if there is no such model or key.
func (p *Provider) Wake(model string, key int) (woken int, found bool) {
	if key >= len(p.ring.keys) {
		return 0, false
	}
	wake := func(b *breaker.Breaker) {
		if b.Wake() {
			woken++
		}
	}
	found = model == ""
	for i, c := range p.channels {
		if model != "" && p.Models[i].Alias != model && p.Models[i].Upstream != model {
			continue
		}
		found = true
		if key == EveryKey {
			wake(c.breaker)
		}
		for n, k := range p.ring.keys {
			if key == EveryKey || key == n {
				wake(c.pairs.of(k))
				if c.told.of(k).Forget() {
					woken++
				}
			}
		}
	}
	for n, k := range p.ring.keys {
		if model == "" && (key == EveryKey || key == n) {
			wake(k.breaker)
		}
	}
	return woken, found
}
