package schedule

import (
	"slices"
	"sync/atomic"
)

// SmartRoundRobin has keys take turns in the order of their success. A new pass ranks
// them anew.
type SmartRoundRobin struct {
	Score  func(place int) (served, failed int64)
	ranked atomic.Pointer[[]int] // best first
}

// Pick follows the order of the pass from the request's own turn.
func (s *SmartRoundRobin) Pick(w *Walk) int {
	if len(w.Turns) == 0 {
		w.Turns = s.pass(w)
	}
	return w.inTurn()
}

// Explain says whose turn it is.
func (s *SmartRoundRobin) Explain(w *Walk, _ int) string {
	return w.turn("smart_round_robin, those with the best success rate first")
}

func (s *SmartRoundRobin) pass(w *Walk) []int {
	order := s.ranked.Load()
	if order == nil || w.Start%uint64(len(w.Places)) == 0 {
		ranks := s.rank(len(w.Places))
		s.ranked.Store(&ranks)
		order = &ranks
	}
	return *order
}

// smartGroup is how many keys smart_round_robin ranks as one group: with more,
// keys are dealt to several groups in turn, so that each has good ones in front.
const smartGroup = 100

// rank orders the keys by their rate of success, then by how much they have
// served; keys that nothing is known of come last.
func (s *SmartRoundRobin) rank(places int) []int {
	type score struct {
		key         int
		rate, total float64
	}
	scores := make([]score, places)
	for i := range scores {
		yes, no := s.Score(i)
		served, failed := float64(yes), float64(no)
		scores[i] = score{i, -1, served + failed}
		if served+failed > 0 {
			scores[i].rate = served / (served + failed)
		}
	}
	slices.SortStableFunc(scores, func(a, b score) int {
		switch {
		case a.rate != b.rate:
			return sign(b.rate - a.rate)
		default:
			return sign(b.total - a.total)
		}
	})
	groups := (len(scores) + smartGroup - 1) / smartGroup
	ranks := make([]int, 0, len(scores))
	for g := range groups {
		for i := g; i < len(scores); i += groups {
			ranks = append(ranks, scores[i].key)
		}
	}
	return ranks
}

func sign(x float64) int {
	switch {
	case x < 0:
		return -1
	case x > 0:
		return 1
	}
	return 0
}
