//go:build !race

package server

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/bench/linear"
)

func TestFlagsCostLinearTime(t *testing.T) {
	linear.Check(t, func(size int) func() {
		var list strings.Builder
		for i := 0; list.Len() < size; i++ {
			fmt.Fprintf(&list, "%x,", i)
		}
		return func() {
			var f flags
			f.add(list.String())
		}
	})
}
