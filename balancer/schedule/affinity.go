package schedule

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync"

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

	grouping sync.Once
	groups   []alike
}

// alike are places that have the same of what counts. What is looked at of them for
// each request stands close together.
type alike struct {
	of     float64 // their weight, or their price
	ids    []uint64
	places []int
}

// grouped are the places by what of says, the least first. Those for which it is
// negative are left out.
func grouped(places []Place, of func(*Place) float64) (groups []alike) {
	for i := range places {
		value := of(&places[i])
		if value < 0 {
			continue
		}
		g, found := slices.BinarySearchFunc(groups, value, func(g alike, value float64) int { return cmp.Compare(g.of, value) })
		if !found {
			groups = slices.Insert(groups, g, alike{of: value})
		}
		groups[g].ids, groups[g].places = append(groups[g].ids, places[i].ID), append(groups[g].places, i)
	}
	return groups
}

// weighing is the weight by which a place has its share, negative for none.
func (a *Affinity) weighing(p *Place) float64 {
	switch {
	case !a.Weighed:
		return 1
	case p.Weight == 0:
		return -1
	}
	return float64(p.Weight)
}

// nearest is the place of a group that goes best with the conversation, of those
// without a mark, and at least so well; -1 if there is none. Without marks it is of all.
func (g *alike) nearest(conversation, least uint64, marks []bool) (place int, near uint64) {
	place, near = -1, least
	for k, id := range g.ids {
		if n := nearness(conversation, id); n >= near && (marks == nil || !marks[g.places[k]]) {
			place, near = g.places[k], n
		}
	}
	return place, near
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
// ln(u)/w is w's with the likelihood of its weight.
func weighted(near uint64, weight float64) float64 { return (log2(near) - 64) / weight }

// unweighed is how near a place of a weight has to be at least to have a share: what
// needs less is not looked at closer. It is a little too low, by more than log2 is wrong.
func unweighed(share, weight float64) uint64 {
	x := share*weight - 0.02 // log2 of the nearness, below that of the greatest
	if x <= -1 {
		return 0
	}
	return uint64((1 + x*math.Ln2) * (1 << 64)) // 2^x is above its tangent
}

// log2 is within a hundredth, which shifts shares by less than one.
func log2(n uint64) float64 {
	n |= 1
	exponent := 63 - bits.LeadingZeros64(n)
	m := math.Float64frombits(0x3ff<<52 | n<<(64-exponent)>>12) // from 1 to 2; shifting by 64 leaves nothing
	return float64(exponent) + (-1.0/3*m+2)*m - 5.0/3
}

// First is the place where a conversation is kept while it can be, -1 if there is
// none.
func (a *Affinity) First(places []Place, conversation uint64) int {
	return a.best(places, conversation, nil)
}

func (a *Affinity) best(places []Place, conversation uint64, marks []bool) int {
	best, most := -1, math.Inf(-1)
	a.grouping.Do(func() { a.groups = grouped(places, a.weighing) })
	for i := len(a.groups) - 1; i >= 0; i-- { // the heaviest is likely to be it, and spares the others a closer look
		place, near := a.groups[i].nearest(conversation, unweighed(most, a.groups[i].of), marks)
		if place < 0 {
			continue
		}
		if share := weighted(near, a.groups[i].of); best < 0 || share > most {
			best, most = place, share
		}
	}
	return best
}

// Pick gives the nearest of those that are left.
func (a *Affinity) Pick(w *Walk) int {
	best := a.best(w.Places, w.Conversation, w.Marks)
	if best < 0 {
		return w.left()
	}
	w.mark(best)
	return best
}

// Explain says that it is the conversation's.
func (a *Affinity) Explain(w *Walk, place int) string {
	if a.Weighed && w.Places[place].Weight == 0 {
		return unweighted(a.Name)
	}
	return "affinity: the one of those left that goes best with the conversation"
}
