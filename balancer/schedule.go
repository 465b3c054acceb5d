package balancer

import (
	"math/rand/v2"

	"uniapi/config"
)

// maxTurns bounds the length of a weighted sequence. Weights that add up to more
// are scaled down to it.
const maxTurns = 10_000

// weightedTurns is the order in which channels take turns by weight (behaviour
// 3.4): in each turn every channel gains its weight, and the one that has gained
// the most in proportion to it is picked and pays the sum of all weights. 5, 3, 2
// gives a b c a b a c a b a. Channels without a weight are not in it. Nil if
// fewer than two have one: then there is nothing to weigh.
func weightedTurns(weights []int) []int {
	weights, sum := scaled(weights)
	if sum == 0 {
		return nil
	}
	gained := make([]int, len(weights))
	turns := make([]int, sum)
	for t := range turns {
		best := -1
		for i, w := range weights {
			if w == 0 {
				continue
			}
			gained[i] += w
			// gained/w > best's, without fractions; the earliest wins a tie
			if best < 0 || gained[i]*weights[best] > gained[best]*w {
				best = i
			}
		}
		gained[best] -= sum
		turns[t] = best
	}
	return turns
}

// scaled divides weights by what they have in common, and by more if their sum
// would be too long a sequence.
func scaled(weights []int) (small []int, sum int) {
	common, count, total := 0, 0, 0
	for _, w := range weights {
		if w > 0 {
			common, count, total = gcd(common, w), count+1, total+w
		}
	}
	if count < 2 {
		return nil, 0
	}
	total /= common
	small = make([]int, len(weights))
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		small[i] = w / common
		if total > maxTurns {
			small[i] = max(1, small[i]*maxTurns/total)
		}
		sum += small[i]
	}
	return small, sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// frame is a plan's place in one route: which of its entries have had their
// turn. A key used as a channel has a frame of its own above that of the key
// that named it.
type frame struct {
	key   *Key
	route *Route
	turns []int  // the order of a schedule that moves on with each request; nil for others
	start uint64 // the request's turn in it, counted for this key
	near  bool   // the order is the conversation's
	step  int    // entries picked so far; of turns, those looked at
	from  int    // where this frame's marks begin in the plan's
}

// weighs says whether a schedule heeds the weights of a route. Those that would,
// but find none, are round robins.
func (r *Route) weighs(s config.Schedule) bool {
	return (s == config.WeightedRoundRobin || s == config.SmartRoundRobin || s == config.Lottery) && r.weights.turns != nil
}

// rota is the order of a schedule that moves on with each request, nil for those
// that do not.
func (r *Route) rota(s config.Schedule) *rota {
	switch {
	case s == config.FixedPriority, s == config.Random, s == "":
		return nil
	case !r.weighs(s):
		return &r.inTurn
	case s == config.Lottery:
		return nil
	}
	return &r.weights
}

// pick returns the next entry of a frame that has not had its turn, -1 when all
// have. The order is the key's schedule; this is the one place that knows it.
func (p *Plan) pick(f *frame) int {
	switch schedule := f.key.Config.Preferences.Schedule; {
	case f.near:
		return p.pickNear(f)
	case f.turns != nil:
		return p.pickInTurn(f)
	case f.route.weighs(schedule):
		return p.draw(f)
	case schedule == config.Random:
		return p.pickRandom(f)
	}
	if f.step == len(f.route.entries) {
		return -1
	}
	f.step++
	return f.step - 1
}

// pickInTurn follows the turns from the request's own, leaving out who had one;
// then come channels without a weight, and those that rested.
func (p *Plan) pickInTurn(f *frame) int {
	for f.step < len(f.turns) {
		i := f.turns[(f.start+uint64(f.step))%uint64(len(f.turns))]
		f.step++
		if p.mark(f, i) {
			return i
		}
	}
	return p.pickLeft(f)
}

// draw picks by lot, each channel in proportion to its weight among those left.
func (p *Plan) draw(f *frame) int {
	left := 0
	for i, e := range f.route.entries {
		if !p.marked(f, i) {
			left += e.weight
		}
	}
	if left == 0 {
		return p.pickLeft(f)
	}
	lot := rand.IntN(left)
	for i, e := range f.route.entries {
		if p.marked(f, i) {
			continue
		}
		if lot -= e.weight; lot < 0 {
			p.mark(f, i)
			return i
		}
	}
	return -1
}

// pickLeft takes those that are left in the order of the rules.
func (p *Plan) pickLeft(f *frame) int {
	for i := range f.route.entries {
		if p.mark(f, i) {
			return i
		}
	}
	return -1
}

func (p *Plan) pickRandom(f *frame) int {
	n := len(f.route.entries)
	if f.step == n {
		return -1
	}
	lot := rand.IntN(n - f.step)
	f.step++
	for i := range n {
		if p.marked(f, i) {
			continue
		}
		if lot == 0 {
			p.mark(f, i)
			return i
		}
		lot--
	}
	return -1
}

func (p *Plan) marked(f *frame, i int) bool { return p.marks[f.from+i] }

// mark notes that an entry has had its turn; false if it had already.
func (p *Plan) mark(f *frame, i int) bool {
	if p.marks[f.from+i] {
		return false
	}
	p.marks[f.from+i] = true
	return true
}
