package schedule

import (
	"fmt"
	"slices"
	"testing"
)

func TestAffinityAsksEachPlaceOnceTheNearestFirst(t *testing.T) {
	places := make([]Place, 5)
	for i := range places {
		places[i].ID = IDOf("place", fmt.Sprint(i))
	}
	w := Walk{Places: places, Marks: make([]bool, len(places)), Conversation: 7}
	var asked []int
	for i := (Affinity{}).Pick(&w); i >= 0; i = (Affinity{}).Pick(&w) {
		asked = append(asked, i)
	}
	near := slices.Clone(asked)
	slices.SortFunc(near, func(a, b int) int {
		if nearness(7, places[a].ID) > nearness(7, places[b].ID) {
			return -1
		}
		return 1
	})
	if len(asked) != 5 || !slices.Equal(asked, near) {
		t.Errorf("asked %v, near are %v", asked, near)
	}
}
