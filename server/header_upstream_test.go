package server

import (
	"fmt"
	"slices"
	"testing"
)

func TestFlagsAreTakenOnceInTheirOrder(t *testing.T) {
	for _, n := range []int{0, 1, fewFlags - 1, fewFlags, fewFlags + 1, 1000} {
		var f flags
		var want []string
		for i := range n {
			flag := fmt.Sprintf("flag-%d", i)
			want = append(want, flag)
			f.add(flag + ", ," + flag + ", flag-0")
		}
		if !slices.Equal(f.list, want) {
			t.Errorf("%d flags became %d: %.100q", n, len(f.list), f.list)
		}
	}
}
