//go:build !race

package keyed

import (
	"testing"

	"uniapi/bench/linear"
)

func TestListsCostLinearTime(t *testing.T) {
	linear.Check(t, func(size int) func() {
		return func() {
			var list List[int, int]
			for i := range size / 16 {
				list.Add(i, i)
				list.Find(i / 2)
				if i%3 == 0 {
					list.Remove(i / 2)
				}
			}
		}
	})
}
