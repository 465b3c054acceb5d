package schedule

import "sync"

// Lottery draws by lot, each place in proportion to its weight among those left.
type Lottery struct {
	packing sync.Once
	weights []int // of the places, close together
}

// Pick draws; then come places without a weight.
func (l *Lottery) Pick(w *Walk) int {
	weights, left := l.weightsOf(w.Places), 0
	for i, weight := range weights {
		if !w.Marks[i] {
			left += weight
		}
	}
	if left == 0 {
		return w.left()
	}
	lot := w.Chance(left)
	for i, weight := range weights {
		if w.Marks[i] {
			continue
		}
		if lot -= weight; lot < 0 {
			w.mark(i)
			return i
		}
	}
	return -1
}

func (l *Lottery) weightsOf(places []Place) []int {
	l.packing.Do(func() {
		for i := range places {
			l.weights = append(l.weights, places[i].Weight)
		}
	})
	return l.weights
}

// Explain says that it was chance.
func (*Lottery) Explain(w *Walk, place int) string {
	if w.Places[place].Weight == 0 {
		return unweighted("lottery")
	}
	return "lottery: drawn by weight, another request draws anew"
}

// Random gives each place that is left the same chance.
type Random struct{}

// Pick draws.
func (Random) Pick(w *Walk) int {
	if w.Step == len(w.Places) {
		return -1
	}
	lot := w.Chance(len(w.Places) - w.Step)
	w.Step++
	for i := range w.Marks {
		if w.Marks[i] {
			continue
		}
		if lot == 0 {
			w.mark(i)
			return i
		}
		lot--
	}
	return -1
}

// Explain says that it was chance.
func (Random) Explain(*Walk, int) string { return "random: drawn now, another request draws anew" }
