//go:build !race

package metrics

import (
	"strconv"
	"testing"

	"uniapi/bench/linear"
)

func TestNewOutcomesCostLinearTime(t *testing.T) {
	linear.Check(t, func(size int) func() {
		return func() {
			o := Outcomes{most: size}
			for i := range size / 64 {
				o.Count(Labels{"p", strconv.Itoa(i), chatLabel, 200})
			}
		}
	})
}
