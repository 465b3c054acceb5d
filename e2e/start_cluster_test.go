//go:build cluster

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const aCentEach = `{model_price: {m: "5000,5000"}}` // of two tokens

// spend asks an instance, one request after the other, until it refuses or has served so many.
func (f *fleet) spend(i, most int) (served int) {
	f.Helper()
	for served < most {
		switch status := f.ask(i); status {
		case 200:
			served++
		case 429:
			return served
		default:
			f.Fatalf("after %d served instance %d answers %d", served, i, status)
		}
	}
	return served
}

// written waits until what was counted is in the folders, and with the others.
func written() { time.Sleep(2500 * time.Millisecond) }

// TestFleetWhosePostgresIsAwayAtAStartCountsWhatItKnows kills an instance, and starts it again in its folder, twice
// while PostgreSQL is away. What was spent in each of its lives counts: of credits, and of a limit of money.
func TestFleetWhosePostgresIsAwayAtAStartCountsWhatItKnows(t *testing.T) {
	for _, of := range []string{"{credits: 0.2}", `{rate_limit: "0.2 usd/day"}`} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			f, database := newBooks(t, 1, file{aPreferences: aCentEach, keyPreferences: of}, false, quick)
			served := f.spend(0, 6)
			written()
			database.Stop()
			for range 2 {
				f.kill(0)
				served += f.spend(0, 5)
				written()
			}
			f.kill(0)
			served += f.spend(0, 100)
			if served != 20 {
				t.Errorf("of 20 cents %d were spent", served)
			}
			database.Start()
			written()
			if status := f.ask(0); status != 429 {
				t.Errorf("when PostgreSQL is back it answers %d", status)
			}
		})
	}
}

// TestFleetWhosePostgresIsAwayAtAStartInANewFolderCounts has nothing but the data folder's own life to go by: each
// process begins in the folder that the one before made while PostgreSQL was away.
func TestFleetWhosePostgresIsAwayAtAStartInANewFolderCounts(t *testing.T) {
	f, database := newBooks(t, 1, file{aPreferences: aCentEach, keyPreferences: "{credits: 0.2}"}, false, quick)
	f.spend(0, 3)
	written()
	database.Stop()
	f.replace(0)
	served := f.spend(0, 8)
	written()
	f.kill(0)
	if served += f.spend(0, 100); served != 20 {
		t.Errorf("of 20 cents %d were spent from the new folder on", served)
	}
	database.Start()
	written()
	if status := f.ask(0); status != 429 {
		t.Errorf("when PostgreSQL is back it answers %d", status)
	}
}

// replace kills an instance, and starts another one in its place with a new folder, as a container has.
func (f *fleet) replace(i int) {
	s := f.instances[i]
	s.signal(syscall.SIGKILL)
	s.stop()
	if err := os.RemoveAll(filepath.Join(s.dir, "data")); err != nil {
		f.Fatal(err)
	}
	s.address = ""
	s.serve()
	go f.follow(s, false)
}

// TestFleetsRedisTellsAStartWhatPostgresCannot has one of two instances begin anew, in its folder or in a new one,
// with PostgreSQL there or not: what Redis tells of the other one counts once.
func TestFleetsRedisTellsAStartWhatPostgresCannot(t *testing.T) {
	const credits, limit = "{credits: 0.2}", `{rate_limit: "0.2 usd/day"}`
	for _, c := range []struct {
		of         string
		away, anew bool
	}{
		{credits, false, false}, {credits, false, true}, {credits, true, false}, {credits, true, true}, {limit, false, false}, {limit, true, true},
	} {
		t.Run(fmt.Sprintf("%s, away %v, a new folder %v", c.of, c.away, c.anew), func(t *testing.T) {
			t.Parallel()
			f, database := newBooks(t, 2, file{aPreferences: aCentEach, keyPreferences: c.of}, true, quick)
			served := f.spend(0, 8) + f.spend(1, 4)
			written()
			if c.away {
				database.Stop()
			}
			if c.anew {
				f.replace(1)
			} else {
				f.kill(1)
			}
			if more := f.spend(1, 5); more != 5 {
				t.Errorf("%d cents are spent, and it refuses after %d more", served, more)
			} else {
				served += more
			}
			served += f.spend(1, 100)
			time.Sleep(4 * time.Second) // what the others were given ahead comes back
			for i := range 2 {
				served += f.spend(i, 100)
			}
			if served < 20 || served > 21 {
				t.Errorf("of 20 cents %d were spent", served)
			}
		})
	}
}
