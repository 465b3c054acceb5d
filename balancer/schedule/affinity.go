package schedule

import (
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// Affinity keeps a conversation with the channel and the key that have its prompt
// in their cache. It is rendezvous hashing: of whatever could serve, the one comes
// first whose name goes best with the conversation. That is the same in every
// process, needs no memory, and moves nobody else when something is added, taken
// away or at rest: what rests is passed over as ever, and met again when it is back.
type Affinity struct {
	Name    string // of the schedule in whose place it chooses
	Weighed bool   // shares are by weight, and places without one come last
}

// Conversation makes the number by which a request's conversation is known; 0 is
// none.
func Conversation(sum uint64) uint64 { return max(sum, 1) }

// IDOf is the number by which a channel or a key is known, whatever its place in
// the configuration.
func IDOf(names ...string) uint64 {
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
func nearness(conversation, id uint64) uint64 {
	high, low := bits.Mul64(conversation^id, 0x9e3779b97f4a7c15)
	return high ^ low
}

// weighted makes the share of a place that its weight is of all: the greatest of
// ln(u)/w is w's with the likelihood of its weight. It is told 1/w.
func weighted(near uint64, perWeight float64) float64 { return (log2(near) - 64) * perWeight }

// log2 is within a hundredth, which shifts shares by less than one.
func log2(n uint64) float64 {
	n |= 1
	exponent := 63 - bits.LeadingZeros64(n)
	m := math.Float64frombits(0x3ff<<52 | n<<(64-exponent)>>12) // from 1 to 2; shifting by 64 leaves nothing
	return float64(exponent) + (-1.0/3*m+2)*m - 5.0/3
}

// Nearest is the place where a conversation is kept while it can be, -1 if there is
// none.
func Nearest(places []Place, conversation uint64) int {
	best, nearest := -1, uint64(0)
	for i := range places {
		if near := nearness(conversation, places[i].ID); near >= nearest {
			best, nearest = i, near
		}
	}
	return best
}

// Pick gives the nearest of those that are left.
func (a Affinity) Pick(w *Walk) int {
	best := -1
	if a.Weighed {
		most := math.Inf(-1)
		for i := range w.Places {
			if p := &w.Places[i]; p.perWeight > 0 && !w.Marks[i] {
				if share := weighted(nearness(w.Conversation, p.ID), p.perWeight); share > most {
					best, most = i, share
				}
			}
		}
	} else {
		nearest := uint64(0)
		for i := range w.Places {
			if near := nearness(w.Conversation, w.Places[i].ID); near >= nearest && !w.Marks[i] {
				best, nearest = i, near
			}
		}
	}
	if best < 0 {
		return w.left()
	}
	w.mark(best)
	return best
}

// Explain says that it is the conversation's.
func (a Affinity) Explain(w *Walk, place int) string {
	if a.Weighed && w.Places[place].Weight == 0 {
		return unweighted(a.Name)
	}
	return "affinity: the one of those left that goes best with the conversation"
}
