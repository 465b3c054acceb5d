package schedule

import "fmt"

// FixedPriority is the order in which the places stand. Of says in what.
type FixedPriority struct{ Of string }

// Pick gives the next one.
func (FixedPriority) Pick(w *Walk) int {
	if w.Step == len(w.Places) {
		return -1
	}
	w.Step++
	return w.Step - 1
}

// Explain says the number.
func (f FixedPriority) Explain(w *Walk, _ int) string {
	return fmt.Sprintf("fixed_priority: number %d of the %s", w.Step, f.Of)
}
