package schedule

import (
	"fmt"
	"iter"
	"strconv"
	"time"
)

// LeastLatency draws two places and takes the one whose answers would begin sooner.
// Drawing keeps all requests of a moment from running to the same one, and asks the
// others now and then.
type LeastLatency struct{}

// Pick draws two of those that do not rest; then come those that do.
func (LeastLatency) Pick(w *Walk) int {
	best := w.draw(-1)
	if best < 0 {
		return w.left()
	}
	if other := w.draw(best); other >= 0 && w.cost(other) < w.cost(best) {
		best = other
	}
	w.mark(best)
	return best
}

// Explain says how quick it is.
func (LeastLatency) Explain(w *Walk, place int) string {
	known := "nothing is known of its times"
	if quickest := w.quickest(place); quickest != nil {
		if begin, end := quickest.Times(w.Now); begin > 0 {
			known = fmt.Sprintf("answers begin after %v and end after %v", begin.Round(time.Millisecond), end.Round(time.Millisecond))
		}
	}
	return fmt.Sprintf("least_latency: the sooner of two that were drawn, another request draws anew; %s, %d under way", known, w.busy(place))
}

// draw is one of those that have turns and have not been asked, by chance; -1 if there
// is none but but.
func (w *Walk) draw(but int) int {
	n := len(w.Turns)
	if n == 0 {
		return -1
	}
	from := w.Chance(n)
	for k := range n {
		if i := w.Turns[(from+k)%n]; i != but && !w.Marks[i] {
			return i
		}
	}
	return -1
}

// quickest is the one behind a place that costs least.
func (w *Walk) quickest(place int) (quickest *Load) {
	quickest = w.Places[place].Load
	for _, l := range w.Places[place].More {
		if l.cost(w.Now) < quickest.cost(w.Now) {
			quickest = l
		}
	}
	return quickest
}

func (w *Walk) cost(place int) float64 {
	if quickest := w.quickest(place); quickest != nil {
		return quickest.cost(w.Now)
	}
	return 0
}

// LeastBusy takes the place with the fewest attempts under way. Equals take turns.
type LeastBusy struct{}

// Pick looks at those that do not rest; then come those that do.
func (LeastBusy) Pick(w *Walk) int {
	best, least := -1, int64(0)
	for i := range w.from() {
		if w.Marks[i] {
			continue
		}
		if busy := w.busy(i); best < 0 || busy < least {
			best, least = i, busy
		}
		if least <= 0 {
			break
		}
	}
	if best < 0 {
		return w.left()
	}
	w.mark(best)
	return best
}

// from gives the turns from the request's own on, once around.
func (w *Walk) from() iter.Seq[int] {
	return func(yield func(int) bool) {
		if len(w.Turns) == 0 {
			return
		}
		start := w.Start % uint64(len(w.Turns))
		for _, turns := range [...][]int{w.Turns[start:], w.Turns[:start]} {
			for _, i := range turns {
				if !yield(i) {
					return
				}
			}
		}
	}
}

// Explain says how busy it is.
func (LeastBusy) Explain(w *Walk, place int) string {
	return fmt.Sprintf("least_busy: %d under way, equals take turns", w.busy(place))
}

// busy is how many attempts are under way at a place: where it is a key with channels
// of its own, at the one with the fewest.
func (w *Walk) busy(place int) int64 {
	p := &w.Places[place]
	if p.Load == nil {
		return 0
	}
	least := p.Load.UnderWay()
	for _, l := range p.More {
		least = min(least, l.UnderWay())
	}
	return least
}

// Cheapest takes the place with the lowest price. Equals take turns, or go by the
// conversation.
type Cheapest struct{}

// Pick looks at those that do not rest; then come those that do.
func (Cheapest) Pick(w *Walk) int {
	best := -1
	for i := range w.from() {
		switch {
		case w.Marks[i]:
		case best < 0, w.Places[i].Price < w.Places[best].Price, w.Places[i].Price == w.Places[best].Price && w.nearer(i, best):
			best = i
		}
	}
	if best < 0 {
		return w.left()
	}
	w.mark(best)
	return best
}

// nearer says whether a place goes better with the conversation than another.
func (w *Walk) nearer(i, other int) bool {
	return w.Conversation != 0 && nearness(w.Conversation, w.Places[i].ID) > nearness(w.Conversation, w.Places[other].ID)
}

// Explain says what it costs.
func (Cheapest) Explain(w *Walk, place int) string {
	price := strconv.FormatFloat(w.Places[place].Price, 'f', -1, 64)
	return fmt.Sprintf("cheapest: %s dollars for 4 million tokens, 3 of them of the prompt; equals take turns", price)
}
