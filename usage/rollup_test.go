package usage

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"uniapi/usage/credit"
)

// clock is a time that a test moves.
type clock struct {
	at    atomic.Int64
	books *Books // whose flush that goes on, as one does each second, takes all for what was counted at its beginning
}

// newClock begins at noon of a day.
func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2025, 3, 10, 12, 0, 0, 0, time.UTC).Unix())
	return c
}

func (c *clock) now() time.Time { return time.Unix(c.at.Load(), 0) }

func (c *clock) advance(by time.Duration) {
	if c.books != nil {
		c.books.flushing.Lock()
		defer c.books.flushing.Unlock()
	}
	c.at.Add(int64(by / time.Second))
}

// flush flushes, which must go well.
func flush(t testing.TB, b *Books) {
	t.Helper()
	if err := b.flush(); err != nil {
		t.Fatal(err)
	}
}

// everywhere runs a test on a ledger in a file and on one in memory.
func everywhere(t *testing.T, test func(t *testing.T, b *Books, c *clock)) {
	for kind, memory := range map[string]bool{"file": false, "memory": true} {
		t.Run(kind, func(t *testing.T) {
			c := newClock()
			c.books = open(t, Options{Dir: t.TempDir(), Memory: memory, Retention: 10 * 24 * time.Hour, Now: c.now})
			test(t, c.books, c)
		})
	}
}

func requestsIn(b *Books, from, to time.Time) (n int64) {
	for _, u := range b.TokenUsage("", "", from, to) {
		n += u.Requests
	}
	return n
}

func TestQuestionIsAnsweredFromMinutesHoursAndDaysTogether(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		s := configure(t, b, nil, nil).Series("p", "m", "e")
		start := c.now()
		for range 5 * 24 * 4 { // five days, a request every quarter of an hour
			s.Record(sample(1, 1))
			b.Attempt("p", "m", "sk-…1", true)
			b.Seen(netip.MustParseAddr("127.0.0.1"))
			flush(t, b)
			c.advance(15 * time.Minute)
		}
		end := c.now()
		s.Record(sample(1, 1)) // nothing has flushed it
		for _, test := range []struct {
			name     string
			from, to time.Time
			want     int64
		}{
			{"everything", time.Unix(0, 0), end, 5*96 + 1},
			{"from the first second on", start, end.Add(time.Hour), 5*96 + 1},
			{"the last hour by the minute", end.Add(-time.Hour), end, 5},
			{"a day by days and hours", start.Add(24 * time.Hour), start.Add(48*time.Hour - time.Minute), 96},
			{"a minute two days ago is an hour", start.Add(30 * time.Minute), start.Add(59 * time.Minute), 4},
			{"a whole day", time.Date(2025, 3, 12, 0, 0, 0, 0, time.UTC), time.Date(2025, 3, 12, 23, 59, 0, 0, time.UTC), 96},
			{"before", time.Unix(0, 0), start.Add(-time.Hour), 0},
			{"in the future", end.Add(24 * time.Hour), end.Add(48 * time.Hour), 0},
		} {
			if got := requestsIn(b, test.from, test.to); got != test.want {
				t.Errorf("%s: %d requests, not %d", test.name, got, test.want)
			}
		}
		stats := b.Stats(48)
		if stats.Channel[0].Total != 2*96 || stats.Models[0].Count != 2*96+1 || stats.Addresses[0] != (AddressCount{"127.0.0.1", 2 * 96}) {
			t.Errorf("%+v", stats)
		}
	})
}

func TestRowsAreForgottenAfterTheRetentionButNotWhatAKeySpent(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		long := c.now().Add(-24 * time.Hour)
		k := configure(t, b, nil, &long)
		start := c.now()
		for range 20 {
			k.Series("p", "m", "e").Record(sample(1, 7))
			k.Spend(7)
			flush(t, b)
			c.advance(24 * time.Hour)
		}
		flush(t, b)
		if n := requestsIn(b, time.Unix(0, 0), c.now()); n != 10 {
			t.Errorf("%d requests of ten days are left", n)
		}
		localOf(b).store.view(func(r reader) error {
			at := begin(start.Unix(), day)
			for _, table := range []string{spanTable(minute, ofRequests), spanTable(hour, ofRequests), spanTable(day, ofRequests), spanTable(hour, ofKeys)} {
				if r.each(table, func(key, _ []byte) error {
					if string(key) < string(spanKey(at+day)) {
						return errBatch
					}
					return nil
				}) != nil {
					t.Errorf("%s still has the first day", table)
				}
			}
			return nil
		})
		k.account, k.terms = credit.NewLocal().Account(""), atomic.Pointer[Terms]{} // as after a restart
		if configure(t, b, nil, &long); k.account.Spent() != 20*7 {
			t.Errorf("of 140 that were spent %d are known", k.account.Spent())
		}
	})
}

// counting is a store that counts what it is asked and told.
type counting struct {
	store
	n int
}

func (s *counting) update(change func(writer) error) error {
	return s.store.update(func(w writer) error { return change(&countingTx{w, &s.n}) })
}

type countingTx struct {
	writer
	n *int
}

func (t *countingTx) get(table string, key []byte) []byte  { *t.n++; return t.writer.get(table, key) }
func (t *countingTx) next(table string, key []byte) []byte { *t.n++; return t.writer.next(table, key) }
func (t *countingTx) put(table string, key, value []byte) error {
	*t.n++
	return t.writer.put(table, key, value)
}
func (t *countingTx) remove(table string, key []byte) error {
	*t.n++
	return t.writer.remove(table, key)
}

// Whoever starts again after a year waits for what was counted before it, and not for a year of empty minutes.
func TestLongAbsenceCostsWhatWasCountedBeforeIt(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		s, start := configure(t, b, nil, nil).Series("p", "m", "e"), c.now()
		for range 3 * 60 {
			s.Record(sample(1, 1))
			flush(t, b)
			c.advance(time.Minute)
		}
		counted := &counting{store: localOf(b).store}
		localOf(b).store = counted
		const days = 3650
		c.advance(days * 24 * time.Hour)
		flush(t, b)
		if most := 10_000 + days*4; counted.n > most {
			t.Errorf("it took %d questions and changes, and at most %d should", counted.n, most)
		}
		l := localOf(b)
		if to := begin(c.now().Unix(), hour); l.marks.HoursTo != to || l.marks.DaysTo != begin(to, day) || l.marks.MinutesFrom != begin(to-int64(minutesFor/time.Second), hour) {
			t.Errorf("at %d the marks are %+v", to, l.marks)
		}
		if n := requestsIn(b, time.Unix(0, 0), start.Add(time.Hour)); n != 0 { // they were kept for ten days
			t.Errorf("%d requests of ten years ago are left", n)
		}
		s.Record(sample(1, 1))
		flush(t, b)
		if n := requestsIn(b, time.Unix(0, 0), c.now()); n != 1 {
			t.Errorf("%d requests, not the last", n)
		}
	})
}

func TestClockThatIsSetBackLosesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		s := configure(t, b, nil, nil).Series("p", "m", "e")
		s.Record(sample(1, 1))
		flush(t, b)
		c.advance(2 * time.Hour)
		s.Record(sample(1, 1))
		flush(t, b)
		c.advance(-3 * time.Hour)
		s.Record(sample(1, 1))
		flush(t, b)
		s.Record(sample(1, 1))
		c.advance(5 * time.Hour)
		flush(t, b)
		if n := requestsIn(b, time.Unix(0, 0), c.now()); n != 4 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestWhatIsCountedIsInTheLedgerWithinASecond(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := open(t, Options{Dir: dir})
		b.Key(secret).Series("p", "m", "e").Record(sample(1, 1))
		time.Sleep(flushEvery + time.Millisecond)
		synctest.Wait()
		found := 0
		if err := localOf(b).store.view(func(r reader) error {
			return r.each(spanTable(minute, ofRequests), func(_, _ []byte) error {
				found++
				return nil
			})
		}); err != nil || found != 1 {
			t.Errorf("%d minutes, %v", found, err)
		}
		b.Close()
	})
}
