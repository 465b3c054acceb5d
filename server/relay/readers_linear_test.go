//go:build !race

package relay

import (
	"fmt"
	"testing"

	"uniapi/bench/linear"
)

// pieces are the sizes of pieces that readers get.
var pieces = func() []int {
	if linear.Small < 64<<10 {
		return []int{1, 1 << 10}
	}
	return []int{1, 7, 1 << 10, 64 << 10}
}()

// TestLongEventsCostLinearTimeInAnyPieces gives every reader events of some
// length and of sixteen times that, in pieces down to a byte.
func TestLongEventsCostLinearTimeInAnyPieces(t *testing.T) {
	for name, r := range readers {
		for event, stream := range r.longEvents() {
			for _, n := range pieces {
				t.Run(fmt.Sprintf("%s, %s, by %d", name, event, n), func(t *testing.T) {
					linear.Check(t, func(size int) func() {
						all := stream(size)
						if err := r.feed(all, n); err != nil {
							t.Fatal(err)
						}
						return func() { r.feed(all, n) }
					})
				})
			}
		}
	}
}
