package schedule

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"uniapi/config"
)

// among are places with so many attempts under way each, whose answers begin after so many seconds.
func among(busy []int, begins []float64) *Walk {
	w := &Walk{Places: make([]Place, len(busy)), Marks: make([]bool, len(busy)), Turns: InOrder(len(busy)), Chance: rand.IntN, Now: second}
	for i := range busy {
		l := new(Load)
		for range busy[i] {
			l.Begin()
		}
		if begins != nil && begins[i] > 0 {
			l.Began(second, time.Duration(begins[i]*1e9))
		}
		w.Places[i].Load = l
	}
	return w
}

// order is that in which a policy asks all places of a walk.
func order(p Policy, w *Walk) (asked []int) {
	for i := p.Pick(w); i >= 0; i = p.Pick(w) {
		asked = append(asked, i)
	}
	return asked
}

func TestLeastBusyTakesTheFewestUnderWay(t *testing.T) {
	for _, test := range []struct {
		busy  []int
		start uint64
		turns []int
		want  string
	}{
		{[]int{3, 1, 2}, 0, nil, "[1 2 0]"},
		{[]int{0, 0, 0}, 0, nil, "[0 1 2]"},
		{[]int{0, 0, 0}, 4, nil, "[1 2 0]"}, // equals take turns
		{[]int{1, 0, 1}, 2, nil, "[1 2 0]"},
		{[]int{0, 5, 4}, 0, []int{1, 2}, "[2 1 0]"}, // the first one rests
	} {
		w := among(test.busy, nil)
		if w.Start = test.start; test.turns != nil {
			w.Turns = test.turns
		}
		if got := fmt.Sprint(order(LeastBusy{}, w)); got != test.want {
			t.Errorf("%v from turn %d: asked %s, want %s", test.busy, test.start, got, test.want)
		}
	}
}

func TestLeastLatencyTakesTheSoonerOfTwo(t *testing.T) {
	for _, test := range []struct {
		name   string
		busy   []int
		begins []float64
		turns  []int
		first  map[int]bool // who may be asked first
	}{
		{"two", []int{0, 0}, []float64{3, 1}, nil, map[int]bool{1: true}},
		{"each that is under way counts", []int{0, 5}, []float64{3, 1}, nil, map[int]bool{0: true}},
		{"nothing is known of one", []int{0, 0}, []float64{3, 0}, nil, map[int]bool{1: true}},
		{"one finds out", []int{0, 9}, []float64{3, 0}, nil, map[int]bool{0: true}},
		{"the slowest of three never", []int{0, 0, 0}, []float64{3, 1, 2}, nil, map[int]bool{1: true, 2: true}},
		{"who rests is asked last", []int{0, 0, 0}, []float64{1, 2, 3}, []int{1, 2}, map[int]bool{1: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := map[int]bool{}
			for range 200 {
				w := among(test.busy, test.begins)
				if test.turns != nil {
					w.Turns = test.turns
				}
				asked := order(LeastLatency{}, w)
				first[asked[0]] = true
				if test.turns != nil && asked[len(asked)-1] != 0 {
					t.Fatalf("asked %v", asked)
				}
				if slices.Sort(asked); !slices.Equal(asked, InOrder(len(test.busy))) {
					t.Fatalf("asked %v, want each once", asked)
				}
			}
			if fmt.Sprint(first) != fmt.Sprint(test.first) {
				t.Errorf("asked first: %v, want %v", first, test.first)
			}
		})
	}
}

func TestCheapestTakesTheLowestPrice(t *testing.T) {
	for _, test := range []struct {
		prices []float64
		start  uint64
		want   string
	}{
		{[]float64{3, 1, 2}, 0, "[1 2 0]"},
		{[]float64{1, 2, 1}, 0, "[0 2 1]"},
		{[]float64{1, 2, 1}, 1, "[2 0 1]"}, // equals take turns
		{[]float64{1, 2, 1}, 2, "[0 2 1]"}, // and a dearer one between them has none
	} {
		w := &Walk{Places: make([]Place, len(test.prices)), Marks: make([]bool, len(test.prices)), Turns: InOrder(len(test.prices)), Start: test.start}
		for i, price := range test.prices {
			w.Places[i].Price = price
		}
		if got := fmt.Sprint(order(new(Cheapest), w)); got != test.want {
			t.Errorf("%v from turn %d: asked %s, want %s", test.prices, test.start, got, test.want)
		}
	}
}

// TestCheapestServeEquallyOften has dearer ones before, between and behind them, and one of all rest.
func TestCheapestServeEquallyOften(t *testing.T) {
	for _, prices := range [][]float64{{1, 2, 1}, {1, 1, 2, 2, 2}, {2, 1, 2, 1, 1}, {1, 1}, {3, 1, 2}} {
		for rests := range len(prices) + 1 {
			var turns []int
			least := math.Inf(1)
			for i, price := range prices {
				if i != rests {
					turns, least = append(turns, i), min(least, price)
				}
			}
			served, cheapest := make([]int, len(prices)), new(Cheapest)
			for start := range uint64(60) {
				w := &Walk{Places: make([]Place, len(prices)), Marks: make([]bool, len(prices)), Turns: turns, Start: start}
				for i, price := range prices {
					w.Places[i].Price = price
				}
				served[cheapest.Pick(w)]++
			}
			equals := 0
			for _, i := range turns {
				if prices[i] == least {
					equals++
				}
			}
			for _, i := range turns {
				if want := 60 / equals; prices[i] == least && served[i] != want {
					t.Errorf("prices %v, %d rests: served %v, not %d each", prices, rests, served, want)
				}
			}
		}
	}
}

// Among the cheapest a conversation stays where it was, whoever else had a turn.
func TestCheapestKeepsAConversation(t *testing.T) {
	firsts := map[int]bool{}
	for conversation := range uint64(50) {
		at := -1
		for start := range uint64(6) {
			w := &Walk{Places: make([]Place, 3), Marks: make([]bool, 3), Turns: InOrder(3), Start: start, Conversation: IDOf(fmt.Sprint(conversation))}
			for i := range w.Places {
				w.Places[i] = Place{ID: IDOf("place", fmt.Sprint(i)), Price: []float64{1, 2, 1}[i]}
			}
			first := new(Cheapest).Pick(w)
			if firsts[first] = true; at >= 0 && first != at {
				t.Fatalf("conversation %d is at %d, and was at %d", conversation, first, at)
			}
			at = first
		}
	}
	if fmt.Sprint(firsts) != "map[0:true 2:true]" {
		t.Errorf("asked first: %v", firsts)
	}
}

func TestEachPolicyAsksEachPlaceOnceAndExplainsIt(t *testing.T) {
	names := []config.Schedule{"", config.FixedPriority, config.RoundRobin, config.WeightedRoundRobin, config.SmartRoundRobin, config.Lottery, config.Random,
		config.LeastLatency, config.LeastBusy, config.Cheapest}
	for _, weights := range [][]int{{0, 0, 0, 0}, {5, 0, 2, 1}} {
		for _, name := range names {
			w := among([]int{1, 2, 0, 3}, []float64{1, 0, 3, 2})
			for i := range w.Places {
				w.Places[i].ID, w.Places[i].Weight = IDOf(fmt.Sprint(i)), weights[i]
			}
			policy, turns := OfChannels(name, w.Places)
			near := NearChannels(policy, name)
			for _, p := range []Policy{policy, near} {
				if p == nil {
					continue
				}
				walk := *w
				walk.Turns, walk.Marks, walk.Start = turns, make([]bool, 4), 3
				if p == near {
					walk.Conversation = 7
				}
				var asked []int
				for i := p.Pick(&walk); i >= 0; i = p.Pick(&walk) {
					if asked = append(asked, i); p.Explain(&walk, i) == "" {
						t.Errorf("%T says nothing of %d", p, i)
					}
				}
				if slices.Sort(asked); !slices.Equal(asked, InOrder(4)) {
					t.Errorf("%s, %T: asked %v", name, p, asked)
				}
			}
		}
	}
	for _, name := range []config.Schedule{config.RoundRobin, config.FixedPriority, config.Random, config.SmartRoundRobin, config.LeastBusy} {
		w := among([]int{1, 2, 0, 3}, nil)
		policy, turns := OfKeys(name, 4, func(int) (int64, int64) { return 1, 1 })
		w.Turns = turns
		var asked []int
		for i := policy.Pick(w); i >= 0; i = policy.Pick(w) {
			if asked = append(asked, i); policy.Explain(w, i) == "" {
				t.Errorf("%T says nothing of %d", policy, i)
			}
		}
		if slices.Sort(asked); !slices.Equal(asked, InOrder(4)) {
			t.Errorf("keys by %s: asked %v", name, asked)
		}
	}
}
