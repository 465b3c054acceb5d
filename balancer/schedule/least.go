package schedule

import (
	"fmt"
	"math"
	"strconv"
	"sync"
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
	best := w.leastBusy()
	if best < 0 {
		return w.left()
	}
	w.mark(best)
	return best
}

func (w *Walk) leastBusy() int {
	best, least := -1, int64(0)
	for _, turns := range w.halves() {
		for _, i := range turns {
			if w.Marks[i] {
				continue
			}
			if busy := w.busy(i); best < 0 || busy < least {
				best, least = i, busy
			}
			if least <= 0 {
				return best
			}
		}
	}
	return best
}

// halves are the turns from the request's own on, once around.
func (w *Walk) halves() (turns [2][]int) {
	if len(w.Turns) > 0 {
		start := w.Start % uint64(len(w.Turns))
		turns = [...][]int{w.Turns[start:], w.Turns[:start]}
	}
	return turns
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
type Cheapest struct {
	grouping sync.Once
	prices   []float64 // of the places, close together
	groups   []alike
}

// Pick looks at those that do not rest, and for a conversation at all; then come
// those that are left.
func (c *Cheapest) Pick(w *Walk) int {
	c.grouping.Do(func() {
		for i := range w.Places {
			c.prices = append(c.prices, w.Places[i].Price)
		}
		c.groups = grouped(w.Places, func(p *Place) float64 { return p.Price })
	})
	var best int
	if w.Conversation != 0 {
		best = c.nearest(w)
	} else {
		best = c.first(w)
	}
	if best < 0 {
		return w.left()
	}
	w.mark(best)
	return best
}

// nearest is of those with the lowest price the one that goes best with the
// conversation.
func (c *Cheapest) nearest(w *Walk) int {
	for i := range c.groups {
		if place, _ := c.groups[i].nearest(w.Conversation, 0, w.Marks); place >= 0 {
			return place
		}
	}
	return -1
}

// first is of those with the lowest price the one whose turn it is.
func (c *Cheapest) first(w *Walk) int {
	if len(w.Turns) == len(w.Places) { // nobody rests
		for i := range c.groups {
			if place := c.inTurn(w, c.groups[i].places, c.groups[i].of); place >= 0 {
				return place
			}
		}
		return -1
	}
	lowest := math.Inf(1)
	for _, i := range w.Turns {
		if !w.Marks[i] {
			lowest = min(lowest, c.prices[i])
		}
	}
	return c.inTurn(w, w.Turns, lowest)
}

// inTurn is of those with a price that have not been asked the one whose turn it is. Turns are counted among equals
// alone: a dearer one that stands between two of them would give its own to the next.
func (c *Cheapest) inTurn(w *Walk, places []int, price float64) int {
	equals := uint64(0)
	for _, i := range places {
		if !w.Marks[i] && c.prices[i] == price {
			equals++
		}
	}
	if equals == 0 {
		return -1
	}
	turn := w.Start % equals
	for _, i := range places {
		if w.Marks[i] || c.prices[i] != price {
			continue
		}
		if turn == 0 {
			return i
		}
		turn--
	}
	return -1
}

// Explain says what it costs.
func (*Cheapest) Explain(w *Walk, place int) string {
	price := strconv.FormatFloat(w.Places[place].Price, 'f', -1, 64)
	return fmt.Sprintf("cheapest: %s dollars for 4 million tokens, 3 of them of the prompt; equals take turns", price)
}
