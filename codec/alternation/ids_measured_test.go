//go:build !race

package alternation

import (
	"testing"

	"uniapi/bench/linear"
)

func TestMadeUpIDsCostLinearTime(t *testing.T) {
	for name, messages := range crafted {
		t.Run(name, func(t *testing.T) {
			linear.Check(t, func(size int) func() {
				given := messages(size)
				return func() { Split(given, Options{}) }
			})
		})
	}
}
