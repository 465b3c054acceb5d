package balancer

import (
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"uniapi/config"
)

// Affinity keeps a conversation with the channel and the key that have its prompt
// in their cache. It is rendezvous hashing: of whatever could serve, the one comes
// first whose name goes best with the conversation. That is the same in every
// process, needs no memory, and moves nobody else when something is added, taken
// away or at rest: what rests is passed over as ever, and met again when it is back.

// Conversation makes the number by which a request's conversation is known; 0 is
// none.
func Conversation(sum uint64) uint64 { return max(sum, 1) }

// placeOf is the number by which a channel or a key is known, whatever its place in
// the configuration.
func placeOf(names ...string) uint64 {
	var d xxhash.Digest
	d.Reset()
	for _, name := range names {
		d.WriteString(name)
		d.WriteString("\x00")
	}
	return d.Sum64()
}

// nearness is how well a place goes with a conversation: both are hashes already, so
// one product, both halves of it, is spread enough.
func nearness(conversation, place uint64) uint64 {
	high, low := bits.Mul64(conversation^place, 0x9e3779b97f4a7c15)
	return high ^ low
}

// weighted makes the share of a place that its weight is of all: the greatest of
// ln(u)/w is w's with the likelihood of its weight. It is told 1/w.
func weighted(near uint64, perWeight float64) float64 { return (log2(near) - 64) * perWeight }

func perWeight(weight int) float64 {
	if weight == 0 {
		return 0
	}
	return 1 / float64(weight)
}

// log2 is within a hundredth, which shifts shares by less than one.
func log2(n uint64) float64 {
	n |= 1
	exponent := 63 - bits.LeadingZeros64(n)
	m := math.Float64frombits(0x3ff<<52 | n<<(64-exponent)>>12) // from 1 to 2; shifting by 64 leaves nothing
	return float64(exponent) + (-1.0/3*m+2)*m - 5.0/3
}

// Near says whether requests for a route are to be kept where their conversation
// was: Facts.Conversation must be set then.
func (k *Key) Near(route *Route) bool { return k.affine || route.affine }

// near says whether the channels of a key's route go by the conversation. With
// fixed_priority they have an order that means something.
func (p *Plan) near(key *Key) bool {
	schedule := key.Config.Preferences.Schedule
	return p.Facts.Conversation != 0 && p.key.affine && schedule != config.FixedPriority && schedule != ""
}

// pickNear picks the nearest of those that are left. Where weights count, channels
// without one come last.
func (p *Plan) pickNear(f *frame) int {
	marks, best := p.marks[f.from:], -1
	if f.route.weighs(f.key.Config.Preferences.Schedule) {
		most := math.Inf(-1)
		for i := range f.route.entries {
			if e := &f.route.entries[i]; e.perWeight > 0 && !marks[i] {
				if share := weighted(nearness(p.Facts.Conversation, e.place), e.perWeight); share > most {
					best, most = i, share
				}
			}
		}
	} else {
		nearest := uint64(0)
		for i := range f.route.entries {
			if near := nearness(p.Facts.Conversation, f.route.entries[i].place); near >= nearest && !marks[i] {
				best, nearest = i, near
			}
		}
	}
	if best < 0 {
		return p.pickLeft(f)
	}
	p.mark(f, best)
	return best
}

// keyWalk goes through a provider's keys in the order in which a request asks.
type keyWalk struct {
	ring  *keyRing
	left  int
	key   int   // the next one; of the nearest, the one that came last
	order []int // nil is that of the configuration

	conversation uint64 // 0: the turn decides
	near         uint64 // how near the key was that came last
}

// walk begins with the key whose turn it is, or which is the nearest.
func (r *keyRing) walk(p *Plan) keyWalk {
	affine := p.key.affine
	if r.affine != nil {
		affine = *r.affine
	}
	if affine && p.Facts.Conversation != 0 && len(r.keys) > 1 {
		return keyWalk{ring: r, left: len(r.keys), conversation: p.Facts.Conversation, near: math.MaxUint64, key: -1}
	}
	first := r.first()
	return keyWalk{ring: r, left: len(r.keys), key: first, order: r.lap(first)}
}

// next is the key that follows, -1 after the last.
func (w *keyWalk) next() int {
	if w.left == 0 {
		return -1
	}
	w.left--
	if w.conversation != 0 {
		return w.nearest()
	}
	key := w.key
	if w.key++; w.key == len(w.ring.keys) {
		w.key = 0
	}
	if w.order != nil {
		key = w.order[key]
	}
	return key
}

func (w *keyWalk) nearest() int {
	best, nearest := -1, uint64(0)
	for key, place := range w.ring.places {
		near := nearness(w.conversation, place)
		if near > w.near || near == w.near && key <= w.key {
			continue // it has been
		}
		if best < 0 || near > nearest {
			best, nearest = key, near
		}
	}
	w.near, w.key = nearest, best
	return best
}
