//go:build cluster

package usage

import (
	"testing"
	"time"

	"uniapi/usage/postgrestest"
)

// TestStartWithoutTheDatabaseCountsWhatWaitsForIt has a key that was given no credits before the database went, so
// that nothing but what waits tells what it has spent; and then two more processes that never find the database.
func TestStartWithoutTheDatabaseCountsWhatWaitsForIt(t *testing.T) {
	server := postgrestest.Start(t)
	dir, credits := t.TempDir(), int64(100)
	m := joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one"})
	k := configure(t, m.Books, nil, nil)
	server.Stop()
	m.count(3, paid)
	k.Spend(21)
	flush(t, m.Books)
	killed(m)
	for left := int64(100 - 21); left > 60; left -= 7 {
		m = joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one"})
		k = configure(t, m.Books, &credits, nil)
		if k.Left() != left || !m.Unread() {
			t.Fatalf("%d are left, not %d; unread: %v", k.Left(), left, m.Unread())
		}
		m.count(1, paid)
		k.Spend(7)
		flush(t, m.Books)
		soon(t, "it is in the folder", func() bool {
			all, err := readKnown(m.ledger.box.store, time.Now())
			n := all[k.hash]
			return err == nil && n != nil && n.Unread && n.common(n.Since, false).total == 100-left+7
		})
		killed(m)
	}
	server.Start()
	m = joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one"})
	k = configure(t, m.Books, &credits, nil)
	if k.Left() != 100-42 {
		t.Errorf("before anything is delivered %d are left", k.Left())
	}
	soon(t, "all is delivered, and counts once", func() bool { return inTables(t, m, ofKeys)[cost] == 42 && k.Left() == 100-42 })
}
