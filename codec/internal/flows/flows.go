// Package flows drives the streams that pass between an upstream and a client of the same format, for tests that say
// that it does not matter how the bytes were split on their way.
package flows

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
)

// Flow is a stream on its way, as far as a test drives it.
type Flow interface {
	Push(p []byte) (out []byte, err error)
	End() (out []byte, err error)
	Usage() (codec.Usage, bool)
}

// Run gives a stream to f in pieces of n bytes and returns all that comes out, up to the first error. The pieces are
// copies, since Push may change them.
func Run[T string | []byte](f Flow, stream T, n int) (string, error) {
	var out strings.Builder
	for piece := range slices.Chunk([]byte(stream), n) {
		o, err := f.Push(bytes.Clone(piece))
		out.Write(o)
		if err != nil {
			return out.String(), err
		}
	}
	o, err := f.End()
	out.Write(o)
	return out.String(), err
}

// SameInPieces fails the test if a stream comes to something else in pieces of one of the sizes than it does whole.
func SameInPieces[T string | []byte](t *testing.T, open func() Flow, stream T, sizes ...int) {
	t.Helper()
	run := func(n int) string {
		f := open()
		out, err := Run(f, stream, n)
		usage, _ := f.Usage()
		return fmt.Sprintf("%q, %v, %+v", out, err, usage)
	}
	want := run(len(stream) + 1)
	for _, n := range sizes {
		if got := run(n); got != want {
			t.Fatalf("in pieces of %d: %s\nwhole: %s", n, got, want)
		}
	}
}

// AllocateNothing fails the test if f allocates for the pieces once it has seen them.
func AllocateNothing(t *testing.T, f Flow, pieces ...[]byte) {
	t.Helper()
	held := make([]byte, 0, 64<<10)
	push := func() {
		for _, p := range pieces {
			held = append(held[:0], p...)
			if _, err := f.Push(held); err != nil {
				t.Fatal(err)
			}
		}
	}
	push()
	if n := testing.AllocsPerRun(100, push); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Benchmark measures f with pieces of so many events.
func Benchmark(b *testing.B, f Flow, piece []byte, events int) {
	b.ReportAllocs()
	b.SetBytes(int64(len(piece)))
	for b.Loop() {
		if out, err := f.Push(piece); err != nil || len(out) == 0 {
			b.Fatal(len(out), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}
