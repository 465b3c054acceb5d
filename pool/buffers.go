package pool

import (
	"math/bits"
	"sync"
)

// Buffers of large bodies are kept by size class, four to a power of two from 16 KB to 8 MB, so that none is more than
// a quarter larger than what it was asked for. Making one anew costs more than carrying the body: it is zeroed, its
// pages are faulted in, and the garbage collector runs after each few of them.
const (
	smallestBuffer = 14 // as a power of two
	largestBuffer  = 23
)

var buffers [4*(largestBuffer-smallestBuffer) + 1]sync.Pool

// boxes carry buffers into and out of the pools without an allocation.
var boxes = sync.Pool{New: func() any { return new([]byte) }}

// bufferClass is the smallest class for n bytes, and its size; the class is -1 for what is too large for any.
func bufferClass(n int) (class, size int) {
	if n <= 1<<smallestBuffer {
		return 0, 1 << smallestBuffer
	}
	if n > 1<<largestBuffer {
		return -1, n
	}
	power := bits.Len(uint(n-1)) - 1 // 1<<power < n <= 2<<power
	quarters := (n - 1 - 1<<power) >> (power - 2)
	return 4*(power-smallestBuffer) + quarters + 1, 1<<power + (quarters+1)<<(power-2)
}

// Buffer returns an empty buffer for n bytes or more. Give it back with Recycle or leave it to the garbage collector,
// which gets all of those above 8 MB.
func Buffer(n int) []byte {
	class, size := bufferClass(n)
	if class < 0 {
		return make([]byte, 0, n)
	}
	if box, is := buffers[class].Get().(*[]byte); is {
		b := *box
		*box = nil
		boxes.Put(box)
		return b
	}
	return make([]byte, 0, size)
}

// BufferSize is the capacity of what Buffer returns for n bytes.
func BufferSize(n int) int {
	_, size := bufferClass(n)
	return size
}

// Recycle keeps b for a later Buffer; nobody may use it any more. It may come from elsewhere; small ones are dropped.
func Recycle(b []byte) {
	n := cap(b)
	if n < 1<<smallestBuffer || n > 1<<largestBuffer {
		return
	}
	class, size := bufferClass(n)
	if size > n {
		class-- // it serves what is no larger than the class below
	}
	box := boxes.Get().(*[]byte)
	*box = b[:0]
	buffers[class].Put(box)
}

// Kept is b for the next use by who has it, if it is not larger than so much; a larger one is recycled, and serves
// others.
func Kept(b []byte, most int) []byte {
	if cap(b) <= most {
		return b[:0]
	}
	Recycle(b)
	return nil
}

// Memory is asked for room before bytes are kept.
type Memory interface {
	// Hold says that so many bytes are about to be held in all. An error forbids it.
	Hold(bytes int) error
}

// Growing is a buffer that grows as bytes come.
type Growing struct {
	B      []byte
	Own    bool   // nobody else has the buffer: what it outgrows is kept for others
	Memory Memory // nil: nobody is asked
}

// trusted is for how many times as much as has come an announcement of the size is believed. Whoever announces without
// sending holds next to nothing.
const trusted = 4

// firstRoom is the least room that is made.
const firstRoom = 4 << 10

// Room makes room for n more bytes, and as far as it is believed for the rest that is announced to follow them (0: not
// known). The error is Memory's; then nothing has changed.
func (g *Growing) Room(n, rest int) error {
	needs := len(g.B) + n
	if needs <= cap(g.B) {
		return nil
	}
	size := max(needs, min(needs+rest, trusted*needs), firstRoom)
	if rest == 0 {
		size = max(size, 2*cap(g.B))
	}
	large := size >= 1<<smallestBuffer/2
	if large {
		_, size = bufferClass(size)
	}
	if g.Memory != nil {
		if err := g.Memory.Hold(size); err != nil {
			return err
		}
	}
	var b []byte
	if large {
		b = Buffer(size)
	} else {
		b = make([]byte, 0, size)
	}
	b = append(b, g.B...)
	if g.Own {
		Recycle(g.B)
	}
	g.B, g.Own = b, true
	return nil
}
