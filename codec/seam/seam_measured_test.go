//go:build !race

package seam

import (
	"strings"
	"testing"

	"uniapi/bench/linear"
)

func TestRepetitionsCostLinearTime(t *testing.T) {
	for name, piece := range map[string]string{"one letter": "a ", "one word": "ho ho ", "a line": "A line of it.\n", "another script": "良"} {
		t.Run(name, func(t *testing.T) {
			linear.Check(t, func(size int) func() {
				said := []byte(strings.Repeat(piece, size/len(piece)))
				return func() {
					s := New(said, true)
					s.Push(said[:len(said)-1])
					s.Push([]byte("b"))
					s.End()
				}
			})
		})
	}
}
