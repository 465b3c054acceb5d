package schedule

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// The sequences are those of uni-api.
func TestPlacesTakeTurnsByWeight(t *testing.T) {
	for _, test := range []struct {
		weights []int
		want    string
	}{
		{[]int{5, 3, 2}, "a b c a b a c a b a"},
		{[]int{2, 1}, "a b a"},
		{[]int{3, 1}, "a b a a"},
		{[]int{1, 3}, "a b b b"},
		{[]int{7, 2, 1}, "a b c a a a b a a a"},
		{[]int{2, 3, 5}, "a b c c b c a c b c"},
		{[]int{1, 1}, "a b"},
		{[]int{4, 4, 4}, "a b c"},
		{[]int{500, 300, 200}, "a b c a b a c a b a"},
		{[]int{0, 5, 0, 3, 2}, "b d e b d b e b d b"},
		{[]int{-1, 2, 1}, "b c b"},
		{[]int{7}, ""},
		{[]int{0, 7}, ""},
		{[]int{0, 0}, ""},
		{nil, ""},
	} {
		t.Run(fmt.Sprint(test.weights), func(t *testing.T) {
			var got []string
			for _, i := range weightedTurns(test.weights) {
				got = append(got, string(rune('a'+i)))
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("turns %q, want %q", text, test.want)
			}
		})
	}
}

func TestEveryWeightGetsItsShareOfTheSequence(t *testing.T) {
	for _, weights := range [][]int{{5, 3, 2}, {97, 89, 1}, {10_000, 9_999}, {1, 1, 1, 10_000}, slices.Repeat([]int{10_000, 7, 1}, 60)} {
		turns := weightedTurns(weights)
		if len(turns) > maxTurns+len(weights) {
			t.Errorf("weights %v give %d turns, more than %d", weights[:min(4, len(weights))], len(turns), maxTurns)
		}
		small, sum := scaled(weights)
		counts := make([]int, len(weights))
		for _, i := range turns {
			counts[i]++
		}
		for i := range weights {
			exact := float64(weights[i]) / float64(total(weights)) * float64(sum)
			if counts[i] != small[i] || counts[i] == 0 || math.Abs(float64(counts[i])-exact) > 1+0.05*exact {
				t.Fatalf("weight %d of %v has %d of %d turns, %.1f are its share", weights[i], weights[:min(4, len(weights))], counts[i], sum, exact)
			}
		}
	}
}

func total(weights []int) (sum int) {
	for _, w := range weights {
		sum += w
	}
	return sum
}
