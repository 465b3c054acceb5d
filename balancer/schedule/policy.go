// Package schedule has the orders in which a request asks what could serve it: the
// channels of a model, and the keys of a provider. Each is a small type.
package schedule

// Policy is an order. It is shared by all requests, and nothing in it waits; what a
// request has asked already is in its Walk.
type Policy interface {
	// Pick gives the place that is asked next, -1 when all have been.
	Pick(w *Walk) int
	// Explain words for people why the place that Pick gave last comes now.
	Explain(w *Walk, place int) string
}

// Place is one of those among which a policy chooses: a channel or a key.
type Place struct {
	ID     uint64  // whatever its place in the configuration: see IDOf
	Weight int     // 0 is none
	Price  float64 // of 3 million tokens of a prompt and 1 million of an answer, in dollars
	Load   *Load   // nil if it is never reckoned with
	More   []*Load // where it is a key with channels of its own, those of all but its first
}

// Walk is the way of one request through some places.
type Walk struct {
	Places       []Place
	Turns        []int           // the order in which they take turns, without those that rest; nil where each request begins anew
	Start        uint64          // the request's turn
	Chance       func(n int) int // draws from 0 to below n
	Now          int64           // for those that heed times; on the clock of the loads
	Conversation uint64          // for affinity; 0 is none
	Marks        []bool          // the places that have been asked
	Step         int             // how many have been; of Turns, those looked at
}

// mark notes that a place has been asked; false if it had been already.
func (w *Walk) mark(i int) bool {
	if w.Marks[i] {
		return false
	}
	w.Marks[i] = true
	return true
}

// Reckon adds to what a place is reckoned with: of several the best counts.
func (p *Place) Reckon(load *Load, price float64) {
	if p.Load == nil {
		p.Load, p.Price = load, price
		return
	}
	p.More, p.Price = append(p.More, load), min(p.Price, price)
}

// left takes those that are left in their own order.
func (w *Walk) left() int {
	for i := range w.Marks {
		if w.mark(i) {
			return i
		}
	}
	return -1
}
