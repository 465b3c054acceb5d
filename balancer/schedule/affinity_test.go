package schedule

import (
	"fmt"
	"math"
	"math/rand/v2"
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
	for a := new(Affinity); len(asked) <= len(places); {
		i := a.Pick(&w)
		if i < 0 {
			break
		}
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

// What spares a look must not change who is found.
func TestAffinityFindsWhatALookAtEachPlaceFinds(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		places := make([]Place, 1+draw.IntN(60))
		for i := range places {
			places[i] = Place{ID: draw.Uint64(), Weight: draw.IntN(1 + draw.IntN(2000))}
		}
		weighed, plain := &Affinity{Weighed: true}, new(Affinity)
		for range 50 {
			conversation := draw.Uint64()
			if got, want := weighed.First(places, conversation), looked(places, conversation, func(p Place) int { return p.Weight }); got != want {
				t.Fatalf("of %+v with weights: %d, want %d", places, got, want)
			}
			if got, want := plain.First(places, conversation), looked(places, conversation, func(Place) int { return 1 }); got != want {
				t.Fatalf("of %+v: %d, want %d", places, got, want)
			}
		}
	}
}

// looked is the place with the greatest share, -1 if none has a weight.
func looked(places []Place, conversation uint64, weight func(Place) int) int {
	best, most := -1, math.Inf(-1)
	for i, p := range places {
		if w := weight(p); w > 0 {
			if share := weighted(nearness(conversation, p.ID), float64(w)); share > most {
				best, most = i, share
			}
		}
	}
	return best
}
