package schedule

// Lottery draws by lot, each place in proportion to its weight among those left.
type Lottery struct{}

// Pick draws; then come places without a weight.
func (Lottery) Pick(w *Walk) int {
	left := 0
	for i := range w.Places {
		if !w.Marks[i] {
			left += w.Places[i].Weight
		}
	}
	if left == 0 {
		return w.left()
	}
	lot := w.Chance(left)
	for i := range w.Places {
		if w.Marks[i] {
			continue
		}
		if lot -= w.Places[i].Weight; lot < 0 {
			w.mark(i)
			return i
		}
	}
	return -1
}

// Explain says that it was chance.
func (Lottery) Explain(w *Walk, place int) string {
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
