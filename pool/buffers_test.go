package pool

import (
	"bytes"
	"fmt"
	"testing"
)

func TestABufferHoldsWhatWasAskedFor(t *testing.T) {
	for _, n := range []int{0, 1, 1 << 16, 1<<16 + 1, 1 << 20, 1<<23 - 1, 1 << 23, 1<<23 + 1, 20 << 20} {
		b := Buffer(n)
		if len(b) != 0 || cap(b) < n {
			t.Errorf("for %d bytes: length %d, room for %d", n, len(b), cap(b))
		}
		Recycle(b)
	}
}

func TestARecycledBufferServesOnlyWhatFitsIntoIt(t *testing.T) {
	for _, size := range []int{0, 100, 1<<16 - 1, 1 << 16, 100_000, 1<<20 - 1, 1 << 20, 5 << 20, 9 << 20, 40 << 20} {
		Recycle(make([]byte, size/2, size))
		for _, n := range []int{1, 1 << 16, 90_000, 1 << 20, 1 << 23} {
			if b := Buffer(n); len(b) != 0 || cap(b) < n {
				t.Errorf("after one of %d bytes, for %d: length %d, room for %d", size, n, len(b), cap(b))
			}
		}
	}
}

func TestRoomIsMadeByTheAnnouncementAsFarAsItIsBelieved(t *testing.T) {
	const believed = 1 << largestBuffer
	for _, c := range []struct {
		name              string
		have, free        int
		n, rest           int
		own               bool
		atLeast, atMost   int // of the capacity
		ownAfter, sameMem bool
	}{
		{"there is room", 10, 100, 50, 1 << 20, false, 110, 110, false, true},
		{"a small answer", 0, 0, 300, 500, false, 800, 1024, false, false},
		{"a large one is taken at once", 0, 0, 16 << 10, 1 << 20, false, 1<<20 + 16<<10, 2 << 20, true, false},
		{"more than is believed", 0, 0, 1, 1 << 30, false, believed, believed + 1<<10, true, false},
		{"nothing is announced", 1 << 16, 0, 1, 0, true, 1 << 17, 1 << 17, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := make([]byte, c.have, c.have+c.free)
			for i := range dst {
				dst[i] = byte(i)
			}
			want := bytes.Clone(dst)
			got, own := withRoom(dst, c.n, c.rest, c.own)
			if !bytes.Equal(got, want) || cap(got) < c.atLeast || cap(got) > c.atMost || own != c.ownAfter {
				t.Errorf("length %d, capacity %d, own %v", len(got), cap(got), own)
			}
			if same := cap(dst) > 0 && &got[:1][0] == &dst[:1][0]; same != c.sameMem {
				t.Errorf("in the same memory: %v", same)
			}
		})
	}
}

func BenchmarkBuffer(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Recycle(Buffer(n))
			}
		})
	}
}
