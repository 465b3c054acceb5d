package usage

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestKilledProcessLosesAtMostWhatCameAfterItsLastFlush runs this test binary as a process that counts as fast as it
// can, and kills it at any time. Flushes follow each other without a pause there; in a gateway there is one in each
// second.
func TestKilledProcessLosesAtMostWhatCameAfterItsLastFlush(t *testing.T) {
	if dir := os.Getenv("USAGE_VICTIM"); dir != "" {
		victim(dir)
	}
	dir := t.TempDir()
	var before Row
	for round := range 20 {
		child := itself(t, "USAGE_VICTIM="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// The child says after each flush how many requests it had counted before it: the last such number is a floor.
		var flushed int64
		for end := time.Now().Add(rand.N(150 * time.Millisecond)); flushed == 0 || time.Now().Before(end); {
			if _, err := fmt.Fscanln(out, &flushed); err != nil {
				t.Fatal(err)
			}
		}
		child.Process.Kill()
		child.Wait()
		progress, err := os.ReadFile(filepath.Join(dir, progressFile))
		if err != nil {
			t.Fatal(err)
		}
		recorded := int64(binary.NativeEndian.Uint64(progress)) + 1 // one may not have been noted yet
		b := open(t, Options{Dir: dir})
		now, channels, keys := sumOf(b, ofRequests), sumOf(b, ofChannels), sumOf(b, ofKeys)
		if now != channels || now != keys {
			t.Fatalf("round %d: the sums do not agree:\n%v of series\n%v of channels\n%v of keys", round, now, channels, keys)
		}
		for _, field := range []int{requests, promptTokens, completionTokens, cost, firstBytes} { // one of each in each request
			if got := now[field] - before[field]; got < flushed || got > recorded {
				t.Fatalf("round %d: field %d grew by %d; %d requests were flushed and %d counted", round, field, got, flushed, recorded)
			}
		}
		before = now
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// itself is the running test once more, as a process of its own with something in its environment.
func itself(t *testing.T, environment string) *exec.Cmd {
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), environment)
	return child
}

// sumOf adds up all rows of a kind.
func sumOf(b *Books, k Kind) (sum Row) {
	b.read(func(v View) error {
		t := newTally(allColumns, func(Name) (bool, bool) { return true, true })
		err := t.scan(v, k, 0, v.End(), day)
		if all := t.sums[true]; all != nil {
			sum = all.Row
		}
		return err
	}, k)
	return sum
}

// progressFile holds how many requests a victim has counted. The memory that it is mapped to outlives the process.
const progressFile = "progress"

func victim(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	path := filepath.Join(dir, progressFile)
	fail(os.WriteFile(path, make([]byte, 8), 0o600))
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	fail(err)
	shared, err := syscall.Mmap(int(file.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	fail(err)
	n := (*atomic.Int64)(unsafe.Pointer(&shared[0]))
	b, err := Open(Options{Dir: dir, Log: quiet})
	fail(err)
	series := b.Key(secret).Series("p", "m", "e")
	go func() {
		for {
			series.Record(sample(1, 1))
			n.Add(1)
		}
	}()
	for {
		before := n.Load()
		fail(b.flush())
		fmt.Println(before)
	}
}
