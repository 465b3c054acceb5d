//go:build cluster

package usage

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/usage/postgrestest"
)

// TestHoursInWhichNothingWasCountedCostNoTransaction leaves a ledger alone for a night, and for more than a year.
func TestHoursInWhichNothingWasCountedCostNoTransaction(t *testing.T) {
	server := postgrestest.Start(t)
	var at atomic.Int64
	at.Store(time.Date(2026, 1, 30, 22, 58, 30, 0, time.UTC).Unix())
	now := func() time.Time { return time.Unix(at.Load(), 0).UTC() }
	const kept = 3 * 366 * 24 * time.Hour
	m := joinLedger(t, Options{Database: server.Books(), Instance: "one", Now: now, Retention: kept})
	file := open(t, Options{Memory: true, Now: now, Retention: kept})
	written := func() int64 { // transactions that wrote have numbers, one behind the other
		n, err := strconv.ParseInt(server.SQL("books", "SELECT txid_current()::text"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	settled := func() {
		t.Helper()
		soon(t, "hours are made of all that is over", func() bool {
			flush(t, m.Books)
			m.ledger.tables.mu.Lock()
			defer m.ledger.tables.mu.Unlock()
			return m.ledger.Status().Pending == 0 && m.ledger.tables.rollUpAt > now().Unix()
		})
		flush(t, file)
	}
	for _, absence := range []time.Duration{5 * time.Minute, 9 * time.Hour, 51 * time.Hour, 400 * 24 * time.Hour, time.Minute} {
		for _, into := range []*Books{file, m.Books} {
			into.Key(secret).Series("p", "m", "POST /v1/chat/completions").Record(sample(3, 7))
		}
		settled()
		at.Add(int64(absence / time.Second))
		before := written()
		settled()
		// An hour and its day are one; looking whether there is another, and the parts of months, are some.
		if n := written() - before; n > 8 {
			t.Errorf("%v in which nothing was counted took %d transactions that wrote something", absence, n)
		}
	}
	want, err := file.Timeline(now().AddDate(-2, 0, 0), now(), 24*time.Hour, ByModel, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Timeline(now().AddDate(-2, 0, 0), now(), 24*time.Hour, ByModel, "")
	if err != nil || len(got) != 1 || len(want) != 1 || got[0].Total.Requests != 5 || got[0].Total != want[0].Total {
		t.Errorf("%v: %+v, want %+v", err, got, want)
	}
	if left := server.SQL("books", "SELECT count(*)::text FROM uniapi.minutes WHERE at < '2027-01-01'"); left != "0" {
		t.Errorf("%s rows of minutes of more than two days ago are left", left)
	}
}
