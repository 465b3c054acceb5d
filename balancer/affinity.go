package balancer

// Affinity says of an attempt whether it is where affinity keeps the request's
// conversation.
type Affinity uint8

// What an attempt may be.
const (
	Anywhere Affinity = iota // affinity chooses nothing for the request
	Kept                     // at the channel and with the key that come first for the conversation
	Moved                    // elsewhere, since those rest, have reached their limits or have failed
)

func (p *Plan) affinity(a *Attempt) Affinity {
	channels, keys := p.Attributes.Conversation != 0 && p.key.affine && p.route.leaves > 1, a.Provider.ring.near(p)
	switch {
	case !channels && !keys:
		return Anywhere
	case channels && a.try > 0, keys && a.Key != a.Provider.ring.nearest.First(a.Provider.ring.places, p.Attributes.Conversation):
		return Moved
	}
	return Kept
}
