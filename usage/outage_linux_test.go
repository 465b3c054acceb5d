package usage

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestFileThatCannotGrowLosesNothing runs this test binary as a process whose files the kernel lets grow no further,
// as on a full disk, and gives it room again.
func TestFileThatCannotGrowLosesNothing(t *testing.T) {
	if dir := os.Getenv("USAGE_CRAMPED"); dir != "" {
		if err := cramped(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir := t.TempDir()
	child := itself(t, "USAGE_CRAMPED="+dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := open(t, Options{Dir: dir})
	if n := requestsIn(b, time.Unix(0, 0), time.Now()); n != 3*crampedModels {
		t.Errorf("%d of %d requests are in the ledger", n, 3*crampedModels)
	}
}

const crampedModels = 3000

func cramped(dir string) error {
	b, err := Open(Options{Dir: dir, Log: quiet})
	if err != nil {
		return err
	}
	record := func(from int) {
		for i := range crampedModels {
			b.Key(secret).Series("provider", fmt.Sprintf("a model with a long name, so that it takes room: %d", from+i), "e").Record(sample(1, 1))
		}
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	record(0)
	if err := b.flush(); err != nil {
		return err
	}
	narrow := limit
	narrow.Cur = 0 // not a byte, neither at the end nor before
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &narrow); err != nil {
		return err
	}
	for n := range 2 {
		record((n + 1) * crampedModels)
		if err := b.flush(); err == nil || b.Health() == nil {
			return fmt.Errorf("round %d: a file that cannot be written was written", n)
		}
		if got := requestsIn(b, time.Unix(0, 0), time.Now()); got != int64(n+2)*crampedModels {
			return fmt.Errorf("round %d: %d requests are seen while the disk is full", n, got)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := b.flush(); err != nil || b.Health() != nil {
		return fmt.Errorf("after there is room: %v, %v", err, b.Health())
	}
	if got := requestsIn(b, time.Unix(0, 0), time.Now()); got != 3*crampedModels {
		return fmt.Errorf("%d requests afterwards", got)
	}
	return b.Close()
}
