//go:build !race

package server

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"uniapi/server/budget"
)

// largestWindow is that of HTTP for zstd: RFC 9659, section 3. Beside it stands the first buffer.
const largestWindow = 8 << 20

func TestInflatingCostsLittleMoreThanItsResult(t *testing.T) {
	for _, size := range []int{1 << 20, 5<<20 + 1, 30 << 20} {
		text := prose(size)
		for encoding, window := range map[string]int{"gzip": 0, "zstd": 0, "br": 1 << 22} { // brotli needs its window beside the result
			body := []byte(compressed(t, encoding, text))
			memory := budget.New(1 << 30)
			got, err := inflated(encoding, body, 64<<20, memory)
			if err != nil || string(got) != text {
				t.Fatalf("%s: %d bytes, %v", encoding, len(got), err)
			}
			most := max(size*13/10, largestWindow+512<<10) + window + 1<<20
			if held := memory.Highest(); held > int64(most) || held < int64(size) {
				t.Errorf("%s of %d bytes: %d were held", encoding, size, held)
			}
			allocated := bytesAllocated(func() { inflated(encoding, body, 64<<20, memory) })
			if allocated > uint64(most+most/4+2*largestWindow) { // what is no longer held is not collected yet
				t.Errorf("%s of %d bytes: %d were allocated", encoding, size, allocated)
			}
		}
	}
}

// bytesAllocated is what f has allocated.
func bytesAllocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestWhatCannotBeHeldIsNotInflated(t *testing.T) {
	const size = 32 << 20
	for _, encoding := range []string{"gzip", "zstd", "br"} {
		body := []byte(compressed(t, encoding, strings.Repeat(" ", size)))
		memory := budget.New(24 << 20)
		allocated := bytesAllocated(func() {
			_, err := inflated(encoding, body, 64<<20, memory)
			if refused, is := errors.AsType[*budget.Refused](err); !is || !refused.Never {
				t.Errorf("%s: %v", encoding, err)
			}
		})
		if allocated > 14<<20 { // brotli's window and tables, zstd's
			t.Errorf("%s: %d bytes were allocated", encoding, allocated)
		}
		if memory.Taken() != 0 {
			t.Errorf("%s: %d bytes were not given back", encoding, memory.Taken())
		}
	}
}
