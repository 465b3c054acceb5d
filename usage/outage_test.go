package usage

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// fullDisk is a store that cannot be written while it is full.
type fullDisk struct {
	store
	full  atomic.Bool
	after atomic.Bool // what fails has been written all the same, as when a disk fails in the last step
}

var errFull = errors.New("no space left on device")

func (f *fullDisk) update(change func(writer) error) error {
	if f.full.Load() {
		if f.after.Load() {
			f.store.update(change)
		}
		return errFull
	}
	return f.store.update(change)
}

// localOf is the ledger of books that are kept in this process.
func localOf(b *Books) *localLedger { return b.ledger.(*localLedger) }

// onFullDisk makes the books' store one that can be full.
func onFullDisk(b *Books) *fullDisk {
	l := localOf(b)
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	disk := &fullDisk{store: l.store}
	l.store = disk
	return disk
}

func TestFullDiskLosesNothing(t *testing.T) {
	for name, after := range map[string]bool{"nothing is written": false, "it is written and fails": true} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, b *Books, c *clock) {
				disk := onFullDisk(b)
				disk.after.Store(after)
				k := configure(t, b, nil, nil)
				start := c.now()
				k.Series("p", "m", "e").Record(sample(1, 1))
				flush(t, b)
				disk.full.Store(true)
				const minutes = 300 // five hours, more than the journal keeps by the minute
				for range minutes {
					k.Series("p", "m", "e").Record(sample(1, 1))
					if err := b.flush(); !errors.Is(err, errFull) || !errors.Is(b.Health(), errFull) {
						t.Fatalf("%v, %v", err, b.Health())
					}
					c.advance(time.Minute)
				}
				if n := requestsIn(b, start, c.now()); n != minutes+1 {
					t.Errorf("%d requests are seen while the disk is full", n)
				}
				held := 0
				for _, m := range localOf(b).journal.minutes {
					if !m.empty() {
						held++
					}
				}
				if held > 2*mostMinutes+minutes/60 {
					t.Errorf("%d minutes wait in memory", held)
				}
				if _, _, err := b.AddCredits(secret, Correction{Nano: 1}); !errors.Is(err, errFull) {
					t.Errorf("a credit that was not written is confirmed: %v", err)
				}
				disk.full.Store(false)
				flush(t, b)
				if b.Health() != nil || len(localOf(b).journal.minutes) > 1 {
					t.Errorf("%v, %d minutes still wait", b.Health(), len(localOf(b).journal.minutes))
				}
				if n := requestsIn(b, start, c.now()); n != minutes+1 {
					t.Errorf("%d requests afterwards", n)
				}
				if n := requestsIn(b, start.Add(2*time.Hour), start.Add(3*time.Hour-time.Minute)); n != 60 {
					t.Errorf("%d requests in the third hour", n)
				}
			})
		})
	}
}
