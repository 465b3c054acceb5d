package schedule

import (
	"fmt"
	"slices"
	"testing"
)

func TestSmartRoundRobinRanksBySuccess(t *testing.T) {
	for _, test := range []struct {
		name   string
		scores [][2]int64 // served, failed
		want   string
	}{
		{"nothing is known", [][2]int64{{0, 0}, {0, 0}, {0, 0}}, "[0 1 2]"},
		{"the higher rate first", [][2]int64{{1, 9}, {9, 1}, {5, 5}}, "[1 2 0]"},
		{"of equal rates who served more", [][2]int64{{1, 1}, {50, 50}, {4, 4}}, "[1 2 0]"},
		{"the unknown after the bad", [][2]int64{{0, 0}, {0, 9}, {1, 9}}, "[2 1 0]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := SmartRoundRobin{Score: func(i int) (served, failed int64) { return test.scores[i][0], test.scores[i][1] }}
			if got := fmt.Sprint(s.rank(len(test.scores))); got != test.want {
				t.Errorf("order %s, want %s", got, test.want)
			}
		})
	}
}

func TestSmartRoundRobinDealsManyKeysToGroups(t *testing.T) {
	s := SmartRoundRobin{Score: func(i int) (served, failed int64) { return int64(1000 - i), int64(i) }} // key 0 is the best
	order := s.rank(250)
	if got := fmt.Sprint(order[:3], order[84:87], order[167:170]); got != "[0 3 6] [1 4 7] [2 5 8]" {
		t.Errorf("groups begin %s, want [0 3 6] [1 4 7] [2 5 8]", got)
	}
	slices.Sort(order)
	for i, key := range order {
		if i != key {
			t.Fatalf("key %d is missing", i)
		}
	}
}
