//go:build !race

package pool

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/bench/linear"
)

func TestChunksCostLinearTimeInAnyPieces(t *testing.T) {
	for name, body := range map[string]func(size int) string{
		"of a byte":       func(size int) string { return strings.Repeat("1\r\nx\r\n", size/6) },
		"with extensions": func(size int) string { return strings.Repeat("1 ;a=\"b\"\r\nx\r\n", size/14) },
		"zeros first":     func(size int) string { return strings.Repeat(strings.Repeat("0", 1000)+"1\r\nx\r\n", size/1006) },
		"one large":       func(size int) string { return fmt.Sprintf("%x\r\n%s", size, strings.Repeat("x", size)) },
	} {
		for _, n := range []int{1, 7, 1 << 10, 64 << 10} {
			t.Run(fmt.Sprintf("%s, by %d", name, n), func(t *testing.T) {
				buffer := make([]byte, 0, n)
				linear.Check(t, func(size int) func() {
					all := []byte(body(size))
					return func() {
						var d chunkDecoder
						d.reset(1 << 10)
						for piece := range slices.Chunk(all, n) {
							if _, _, err := d.decode(append(buffer, piece...)); err != nil {
								t.Fatal(err)
							}
						}
					}
				})
			})
		}
	}
}
