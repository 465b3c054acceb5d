//go:build !race

// Package linear is for tests that say that work costs time and memory in proportion to its input, however the input is
// made. It counts the processor's time of the thread and the bytes that are allocated, and takes the least of several
// runs, so that neither a loaded machine nor a slow one fails a test. The race detector would count its own work beside
// that, so the package, and each test that uses it, is built without it alone: in files that end in _measured_test.go
// or _linear_test.go.
package linear

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// Growth is by how much an input grows, and Most how much its cost may: a cost that grows with the square of it is 256
// times as much.
const (
	Growth = 16
	Most   = 20
	// mostAllocated is that for bytes: a slice that grows element by element is doubled while it is short, and then
	// grows by a quarter, so each element of a long one is copied about twice as often.
	mostAllocated = 30
)

// What large inputs cost beyond that, without anybody doing anything twice: memory that no cache holds, and buffers
// that grow.
const (
	timePerByte  = 50 * time.Nanosecond
	bytesPerByte = 32
)

const (
	tries = 6
	// hopeless is by how many times a cost must be too high, in doubts runs, for no other run to be asked. Neighbours
	// on the processor do not do that, and a machine that is itself a guest is not put to sleep in the middle of each.
	hopeless = 4
	doubts   = 3
	// least is how long a measurement must take for the clock to be exact enough.
	least = 2 * time.Millisecond
)

// Check fails the test if the cost of an input of Small bytes and of Large ones, which are Growth times as many, tells
// that it is not linear. Prepare makes an input of about so many bytes and returns the work on it, which must be the
// same each time it is called.
func Check(t testing.TB, prepare func(size int) (work func())) {
	t.Helper()
	small, large := prepare(Small), prepare(Large)
	few, many := measure(small), measure(large)
	for n := range tries {
		if many.within(few, 1) || n >= doubts-1 && !many.within(few, hopeless) {
			break
		}
		few, many = few.least(measure(small)), many.least(measure(large))
	}
	if !many.within(few, 1) {
		t.Errorf("%d bytes take %v and allocate %d bytes, %d bytes take %v and allocate %d bytes", Small, few.time, few.allocated, Large, many.time, many.allocated)
	}
}

// cost is what a work takes, once.
type cost struct {
	time      time.Duration
	allocated uint64
}

func (c cost) least(other cost) cost {
	return cost{min(c.time, other.time), min(c.allocated, other.allocated)}
}

// within says whether c, of a Large input, is at most times what is in proportion to that of a Small one.
func (c cost) within(few cost, times int) bool {
	return c.time <= time.Duration(times)*(Most*few.time+Large*timePerByte) &&
		c.allocated <= uint64(times)*(mostAllocated*few.allocated+Large*bytesPerByte)
}

func measure(work func()) cost {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// What the collector asks of a thread depends on all that is there: it only keeps a work that is not linear from
	// taking all memory.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(3 << 30))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	var before, after runtime.MemStats
	for n := 1; ; n *= 4 {
		runtime.ReadMemStats(&before)
		start := threadTime()
		for range n {
			work()
		}
		spent := threadTime() - start
		runtime.ReadMemStats(&after)
		if spent >= least || n > 1<<12 {
			return cost{spent / time.Duration(n), (after.TotalAlloc - before.TotalAlloc) / uint64(n)}
		}
	}
}
