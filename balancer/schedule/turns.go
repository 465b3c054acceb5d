package schedule

import "fmt"

// RoundRobin has the places take turns. Name is the schedule that the file asks for:
// where there is nothing to weigh, those by weight are round robins as well.
type RoundRobin struct{ Name string }

// Pick follows the turns from the request's own; then come those that rested.
func (RoundRobin) Pick(w *Walk) int { return w.inTurn() }

// Explain says whose turn it is.
func (r RoundRobin) Explain(w *Walk, _ int) string { return w.turn(r.Name) }

// WeightedRoundRobin has the places take turns in proportion to their weights.
type WeightedRoundRobin struct{ Name string }

// Pick follows the turns from the request's own, leaving out who had one; then come
// places without a weight, and those that rested.
func (WeightedRoundRobin) Pick(w *Walk) int { return w.inTurn() }

// Explain says whose turn it is.
func (r WeightedRoundRobin) Explain(w *Walk, place int) string {
	if w.Places[place].Weight == 0 {
		return unweighted(r.Name)
	}
	return w.turn(r.Name)
}

func (w *Walk) inTurn() int {
	for w.Step < len(w.Turns) {
		i := w.Turns[(w.Start+uint64(w.Step))%uint64(len(w.Turns))]
		w.Step++
		if w.mark(i) {
			return i
		}
	}
	return w.left()
}

func (w *Walk) turn(name string) string {
	return fmt.Sprintf("%s: turn %d of %d", name, w.Start%uint64(len(w.Turns))+1, len(w.Turns))
}

func unweighted(name string) string { return name + ": without a weight, after those that have one" }

// maxTurns bounds the length of a weighted sequence. Weights that add up to more
// are scaled down to it.
const maxTurns = 10_000

// weightedTurns is the order in which places take turns by weight: in each turn
// every one gains its weight, and the one that has gained the most in proportion to
// it is picked and pays the sum of all weights. 5, 3, 2 gives a b c a b a c a b a.
// Places without a weight are not in it. Nil if fewer than two have one: then there
// is nothing to weigh.
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
