//go:build !race

package server

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"uniapi/server/budget"

	"github.com/klauspost/compress/zstd"
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

func TestBombsAreRefusedQuicklyInLittleMemory(t *testing.T) {
	const limit = 1 << 20
	up := listen(t, both)
	g := startWith(t, Options{MaxBody: limit}, providerOf("p", up))
	for encoding, bomb := range map[string]string{
		"gzip": strings.Repeat(compressed(t, "gzip", strings.Repeat(" ", limit)), 500), // members, one after the other
		"zstd": strings.Repeat(compressed(t, "zstd", strings.Repeat(" ", limit)), 500), // frames
		"br":   compressed(t, "br", strings.Repeat(" ", 32*limit)),
	} {
		if len(bomb) > limit {
			t.Fatalf("the %s bomb has %d bytes", encoding, len(bomb))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		g.chat(bomb, "Content-Encoding", encoding).failure(t, 413, "request_too_large")
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if took > 2*time.Second {
			t.Errorf("%s: refused after %v", encoding, took)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 24*limit {
			t.Errorf("%s: %d MiB for a limit of %d", encoding, used>>20, limit>>20)
		}
	}
	// A frame that asks for more memory than it may have, before any of it came.
	window := "\x28\xb5\x2f\xfd\x00\xf8" + strings.Repeat("\x00", 32)
	if a := g.chat(window); a.StatusCode != 400 && a.StatusCode != 413 {
		t.Errorf("a window of gigabytes: %d %s", a.StatusCode, a.body)
	}
	if n := len(up.requests()); n != 0 {
		t.Errorf("%d requests at the upstream", n)
	}
}

func TestFramesOfAllWindowsThatHTTPHasAreInflated(t *testing.T) {
	frame := func(window int, text string) string {
		var out bytes.Buffer
		z, err := zstd.NewWriter(&out, zstd.WithWindowSize(window), zstd.WithSingleSegment(false))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(z, text)
		z.Close()
		return out.String()
	}
	long := prose(3 << 20)
	for _, c := range []struct {
		name, body, want string
	}{
		{"one frame of 8 MB", frame(8<<20, long), long},
		{"a larger one behind a smaller", frame(1<<10, "x") + frame(8<<20, long), "x" + long},
		{"a skippable one in front", "\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + frame(1<<20, long), long},
		{"16 MB", frame(16<<20, long), ""},
		{"16 MB behind a smaller", frame(1<<10, "x") + frame(16<<20, long), ""},
	} {
		memory := budget.New(1 << 30)
		got, err := inflated("zstd", []byte(c.body), 64<<20, memory)
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %d bytes, %v", c.name, len(got), err)
		}
		if memory.Taken() != 0 || memory.Highest() > 30<<20 {
			t.Errorf("%s: %d bytes were held, %d still are", c.name, memory.Highest(), memory.Taken())
		}
	}
}
