package pool

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"uniapi/pool/pooltest"
)

func TestBufferHoldsWhatWasAskedForAndLittleMore(t *testing.T) {
	for _, n := range []int{0, 1, 1 << 14, 1<<14 + 1, 20 << 10, 1 << 16, 1<<16 + 1, 100_000, 1 << 20, 1<<20 + 1<<18, 1<<20 + 1<<18 + 1, 1<<23 - 1, 1 << 23, 1<<23 + 1, 20 << 20} {
		b := Buffer(n)
		if len(b) != 0 || cap(b) < n || cap(b) > max(n+n/4, 1<<smallestBuffer) {
			t.Errorf("for %d bytes: length %d, room for %d", n, len(b), cap(b))
		}
		Recycle(b)
	}
}

func TestEveryClassIsServedByItself(t *testing.T) {
	last := -1
	for n := 1; n <= 1<<largestBuffer; n += 997 {
		class, size := bufferClass(n)
		if class < last || class > last+1 || size < n {
			t.Fatalf("%d bytes: class %d of %d bytes, behind class %d", n, class, size, last)
		}
		if again, same := bufferClass(size); again != class || same != size {
			t.Fatalf("class %d of %d bytes is class %d of %d", class, size, again, same)
		}
		last = class
	}
	if last != len(buffers)-1 {
		t.Errorf("%d classes, %d pools", last+1, len(buffers))
	}
}

func TestRecycledBufferServesOnlyWhatFitsIntoIt(t *testing.T) {
	for _, size := range []int{0, 100, 1<<14 - 1, 1 << 14, 1<<16 - 1, 1 << 16, 100_000, 1<<20 - 1, 1 << 20, 5 << 20, 1 << 23, 9 << 20, 40 << 20} {
		Recycle(make([]byte, size/2, size))
		for _, n := range []int{1, 1 << 14, 1 << 16, 90_000, 1 << 20, 1 << 23} {
			if b := Buffer(n); len(b) != 0 || cap(b) < n {
				t.Errorf("after one of %d bytes, for %d: length %d, room for %d", size, n, len(b), cap(b))
			}
		}
	}
}

func TestRoomIsMadeByTheAnnouncementAsFarAsItIsBelieved(t *testing.T) {
	for _, c := range []struct {
		name              string
		have, free        int
		n, rest           int
		own               bool
		atLeast, atMost   int // of the capacity
		ownAfter, sameMem bool
	}{
		{"there is room", 10, 100, 50, 1 << 20, false, 110, 110, false, true},
		{"a small one", 0, 0, 300, 500, false, 800, 4096, true, false},
		{"all of it, when a quarter has come", 0, 0, 300_000, 900_000, false, 1_200_000, 1_500_000, true, false},
		{"four times what has come", 0, 0, 16 << 10, 1 << 20, false, 64 << 10, 64 << 10, true, false},
		{"next to nothing has come", 0, 0, 1, 1 << 30, false, 4 << 10, 4 << 10, true, false},
		{"nothing is announced", 1 << 16, 0, 1, 0, true, 1 << 17, 1 << 17, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := make([]byte, c.have, c.have+c.free)
			for i := range dst {
				dst[i] = byte(i)
			}
			want := bytes.Clone(dst)
			asked := new(pooltest.Memory)
			asked.Most = 1 << 40
			g := Growing{B: dst, Own: c.own, Memory: asked}
			if err := g.Room(c.n, c.rest); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(g.B, want) || cap(g.B) < c.atLeast || cap(g.B) > c.atMost || g.Own != c.ownAfter {
				t.Errorf("length %d, capacity %d, own %v", len(g.B), cap(g.B), g.Own)
			}
			if same := cap(dst) > 0 && &g.B[:1][0] == &dst[:1][0]; same != c.sameMem {
				t.Errorf("in the same memory: %v", same)
			} else if !same && asked.Held != cap(g.B) {
				t.Errorf("%d bytes were asked for, and %d are held", asked.Held, cap(g.B))
			}
		})
	}
}

func TestBufferThatFindsNoRoomStaysAsItIs(t *testing.T) {
	g := Growing{Memory: &pooltest.Memory{Most: 100_000}}
	for !errors.Is(g.Room(1000, 0), pooltest.ErrNoRoom) {
		g.B = append(g.B, make([]byte, 1000)...)
	}
	if len(g.B) > 100_000 || cap(g.B) > 100_000 || len(g.B) < 50_000 {
		t.Errorf("length %d, capacity %d", len(g.B), cap(g.B))
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
