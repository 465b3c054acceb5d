//go:build !race

package sse

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/bench/linear"
)

func TestBoundariesCostLinearTime(t *testing.T) {
	for name, make := range map[string]func(size int) string{
		"one long line": func(size int) string { return "data: " + strings.Repeat("x", size) },
		"CRs only":      func(size int) string { return strings.Repeat("\r", size) },
		"CR lines":      func(size int) string { return strings.Repeat("d\r", size/2) },
		"LF lines":      func(size int) string { return strings.Repeat("d\n", size/2) },
	} {
		for _, piece := range []int{64, 16 << 10, 1 << 20} {
			t.Run(fmt.Sprint(name, " by ", piece), func(t *testing.T) {
				linear.Check(t, func(size int) func() {
					stream := make(size)
					return func() { blocks(stream, piece) }
				})
			})
		}
	}
}
