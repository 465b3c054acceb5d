//go:build chaos

package relay

import (
	"runtime"
	"strings"
	"testing"
)

// TestEventWithoutAnEndHoldsBoundedMemory gives every reader an event that
// goes on and on: it is refused before it has taken 65 MiB, or leaves in pieces.
func TestEventWithoutAnEndHoldsBoundedMemory(t *testing.T) {
	const piece, most, kept = 64 << 10, 65 << 20, 2 << 20
	for name, r := range readers {
		event := string(r.event(`"` + strings.Repeat("x", 15<<20) + `"`))
		event = event[:len(event)-8]
		for kind, more := range map[string]string{"a text": strings.Repeat("x", piece), "lines": strings.Repeat("\n: c", piece/4)} {
			t.Run(name+", "+kind, func(t *testing.T) {
				if kind == "lines" && !r.lines {
					return
				}
				push := r.open()
				start := strings.NewReader(r.lead + event)
				buffer := make([]byte, piece)
				before := live()
				for given := 0; given < 96<<20; {
					n, _ := start.Read(buffer)
					if n == 0 {
						n = copy(buffer, more)
					}
					given += n
					if push(buffer[:n]) != nil {
						if given > most {
							t.Errorf("refused behind %d bytes", given)
						}
						return
					}
				}
				if held := live() - before; held > kept {
					t.Errorf("%d bytes are held", held)
				}
				runtime.KeepAlive(push)
			})
		}
	}
}

// live is how much memory is in use.
func live() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
