package pool

import (
	"math/bits"
	"slices"
	"sync"
)

// Buffers of large bodies are kept by size class, powers of two from 64 KB to 8 MB. Making one anew costs more than carrying the body: it is
// zeroed, its pages are faulted in, and the garbage collector runs after each few of them.
const (
	smallestBuffer = 16 // of a class, as a power of two
	largestBuffer  = 23
)

var buffers [largestBuffer - smallestBuffer + 1]sync.Pool

// boxes carry buffers into and out of the pools without an allocation.
var boxes = sync.Pool{New: func() any { return new([]byte) }}

// Buffer returns an empty buffer for n bytes or more. Give it back with Recycle or leave it to the garbage collector, which gets all of those
// above 8 MB.
func Buffer(n int) []byte {
	class := max(bits.Len(uint(max(n, 1)-1)), smallestBuffer)
	if class > largestBuffer {
		return make([]byte, 0, n)
	}
	if box, is := buffers[class-smallestBuffer].Get().(*[]byte); is {
		b := *box
		*box = nil
		boxes.Put(box)
		return b
	}
	return make([]byte, 0, 1<<class)
}

// Recycle keeps b for a later Buffer; nobody may use it any more. It may come from elsewhere; small ones are dropped.
func Recycle(b []byte) {
	class := bits.Len(uint(cap(b))) - 1 // it serves what is no larger than this power of two
	if class < smallestBuffer || class > largestBuffer {
		return
	}
	box := boxes.Get().(*[]byte)
	*box = b[:0]
	buffers[class-smallestBuffer].Put(box)
}

// withRoom is dst with room for n more bytes, and for the rest that is announced to follow as far as an announcement is believed. A buffer that
// was outgrown is kept for others if it is the caller's own; what is returned may be.
func withRoom(dst []byte, n, rest int, own bool) ([]byte, bool) {
	if cap(dst)-len(dst) >= n {
		return dst, own
	}
	size := len(dst) + n + min(rest, 1<<largestBuffer)
	if size < 1<<smallestBuffer/2 {
		return slices.Grow(dst, size-len(dst)), own
	}
	b := append(Buffer(max(size, 2*cap(dst))), dst...)
	if own {
		Recycle(dst)
	}
	return b, true
}
