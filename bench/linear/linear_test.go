//go:build !race

package linear

import (
	"bytes"
	"testing"
)

// report is a test that may fail.
type report struct {
	testing.TB
	failed bool
}

func (r *report) Helper()               {}
func (r *report) Errorf(string, ...any) { r.failed = true }

var sink []byte

func TestCheckTellsWhatIsLinear(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(size int) func()
		fails   bool
	}{
		{"looks at each byte once", func(size int) func() {
			data := make([]byte, size)
			return func() { bytes.Count(data, []byte{1}) }
		}, false},
		{"appends byte by byte", func(size int) func() {
			return func() {
				var b []byte
				for range size {
					b = append(b, 'x')
				}
				sink = b
			}
		}, false},
		{"looks at all it has for each byte", func(size int) func() {
			data := make([]byte, size)
			return func() {
				for i := range data {
					for range 8 { // a quick processor looks at a few KB within what a byte may take
						if bytes.IndexByte(data[:i], 1) >= 0 {
							panic("there is none")
						}
					}
				}
			}
		}, true},
		{"makes room for all it has for each 64 bytes", func(size int) func() {
			return func() {
				for i := 0; i < size; i += 64 {
					sink = make([]byte, i)
				}
			}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &report{TB: t}
			if Check(r, c.prepare); r.failed != c.fails {
				t.Errorf("failed: %v", r.failed)
			}
		})
	}
}
