//go:build cluster

package usage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"uniapi/usage/postgrestest"
)

// spoil changes the tables behind the ledger's back.
func spoil(t testing.TB, m *member, statement string, args ...any) {
	t.Helper()
	err := m.ledger.server.do(t.Context(), pgx.TxOptions{}, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// another is the address of a database of its own at a server.
func another(server *postgrestest.Server, i int) string {
	name := fmt.Sprint("books", i)
	server.SQL("postgres", "CREATE DATABASE "+name+" OWNER gate")
	return server.URL("gate", "correct-horse", name)
}

// A row that is damaged costs what is in it, and no more: what is counted is still told to the ledger, and questions
// are answered.
func TestDamagedRowsOfTheCommonLedgerKeepNothingElseAway(t *testing.T) {
	server := postgrestest.Start(t)
	for i, test := range []struct {
		name, statement string
		args            []any
	}{
		{"a number that is none", `INSERT INTO uniapi.names VALUES ($1, $2)`, []any{math.MaxInt32, lengthened.write(Name{Kind: ofKeys, Who: "other"})}},
		{"a number that is none, of a series to come", `INSERT INTO uniapi.names VALUES ($1, $2)`,
			[]any{math.MaxInt32, lengthened.write(Name{ofChannels, "", "openai", "gpt", "POST /v1/chat/completions"})}},
		{"a number below all", `INSERT INTO uniapi.names VALUES (-5, $1)`, []any{lengthened.write(Name{Kind: ofKeys, Who: "other"})}},
		{"a name that is none", `INSERT INTO uniapi.names VALUES (9, $1)`, []any{[]byte("\x00\xff")}},
		{"as much spent as can be", `INSERT INTO uniapi.spent SELECT id, $1, 9223372036854775807, 0 FROM uniapi.runs`, []any{hashOf(secret)}},
		{"less spent than nothing", `INSERT INTO uniapi.spent SELECT id, $1, -9223372036854775808, 0 FROM uniapi.runs`, []any{hashOf(secret)}},
		{"rows that are none", `INSERT INTO uniapi.minutes SELECT now(), 'r', 1, 99999, $1`, []any{[]byte("\xff\xff\xff\xff\xff")}},
		{"rows of a kind that is none", `INSERT INTO uniapi.minutes SELECT now(), 'nothing', 1, 99999, $1`, []any{[]byte{1, 1, 1, 0}}},
		{"a time that is none", `INSERT INTO uniapi.key_days SELECT 'infinity', 'k', 1, 99999, $1`, []any{[]byte{1, 1, 1, 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := another(server, i)
			m := joinLedger(t, Options{Database: at, Instance: "one"})
			m.Key("sk-another").Series("p", "m", "e").Record(Sample{Success: true})
			soon(t, "the first is delivered", func() bool { return inTables(t, m, ofRequests)[requests] == 1 })
			spoil(t, m, test.statement, test.args...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m.count(3, paid)
			soon(t, "what is counted is delivered", func() bool { return inTables(t, m, ofRequests)[requests] == 4 })
			m.count(1, paid)
			soon(t, "what is counted later is delivered", func() bool { return inTables(t, m, ofKeys)[requests] == 5 && inTables(t, m, ofChannels)[requests] == 5 })
			if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 64<<20 {
				t.Errorf("it took %d bytes", after.TotalAlloc-before.TotalAlloc)
			}
			later := joinLedger(t, Options{Database: at, Instance: "two"})
			if got := inTables(t, later, ofRequests); got[requests] != 5 {
				t.Errorf("another one finds %v", got)
			}
		})
	}
}

// Sums that are damaged give nobody more than the credits of the configuration, nor take any away; one that cannot be
// read keeps nothing from other keys.
func TestDamagedSumsOfTheCommonLedgerGiveNothing(t *testing.T) {
	server := postgrestest.Start(t)
	a, b := joinLedger(t, Options{Database: server.Books(), Instance: "one"}), joinLedger(t, Options{Database: server.Books(), Instance: "two"})
	credits := int64(1000)
	ka, kb := configure(t, a.Books, &credits, nil), configure(t, b.Books, &credits, nil)
	a.count(10, paid)
	ka.Spend(70)
	soon(t, "the other one knows", func() bool { return kb.Left() == 930 })
	spoil(t, a, `UPDATE uniapi.spent SET nano = -9223372036854775808, batch = batch + 1`)
	spoil(t, a, `UPDATE uniapi.runs SET batch = batch + 1`)
	spoil(t, a, `INSERT INTO uniapi.credits VALUES ($1, -5000)`, hashOf(secret))
	for range 2 {
		if err := b.ledger.Write(t.Context(), b.options.Now()); err != nil {
			t.Fatal(err)
		}
		b.hear()
		if left := kb.Left(); left != 930 {
			t.Errorf("%d of 1000 are left", left)
		}
	}
}

// A correction that cannot be read is left out, and told; the others count.
func TestCorrectionThatCannotBeReadIsLeftOut(t *testing.T) {
	server := postgrestest.Start(t)
	m := joinLedger(t, Options{Database: server.Books(), Instance: "one"})
	for _, nano := range []int64{10, 20} {
		if _, err := m.ledger.AddCredits(t.Context(), "k", Correction{At: time.Now(), Nano: nano}); err != nil {
			t.Fatal(err)
		}
		spoil(t, m, `INSERT INTO uniapi.corrections (id, key, at, said) VALUES (gen_random_uuid(), 'k', now(), '"nonsense"')`)
	}
	list, err := m.ledger.Corrections(t.Context(), "k")
	if err != nil || len(list) != 2 || list[1].Nano != 20 || !strings.Contains(m.log.String(), "cannot be read") {
		t.Errorf("%v %v\n%s", list, err, m.log)
	}
}

// One first byte that is damaged does not keep hours from being made for good, as that of a newer version does.
func TestRollUpLeavesOutDamageAndWaitsForANewerVersion(t *testing.T) {
	server := postgrestest.Start(t)
	for i, test := range []struct {
		first byte
		done  bool
	}{{batchVersion + 1, false}, {0, true}, {0xff, true}} {
		t.Run(fmt.Sprint(test.first), func(t *testing.T) {
			clock := newClock()
			m := joinLedger(t, Options{Database: another(server, i), Instance: "one", clock: clock.now, Now: clock.now})
			m.count(3, paid)
			soon(t, "it is delivered", func() bool { return inTables(t, m, ofRequests)[requests] == 3 })
			spoil(t, m, `INSERT INTO uniapi.minutes SELECT min(at), 'r', 1, 99999, $1 FROM uniapi.minutes`, []byte{test.first, 1, 1, 0})
			clock.advance(2 * time.Hour)
			soon(t, "it is tried", func() bool { return rolledUp(t, m) || strings.Contains(m.log.String(), "cannot be made hours") })
			if done := rolledUp(t, m); done != test.done {
				t.Errorf("hours are made: %v, not %v\n%s", done, test.done, m.log)
			}
		})
	}
}

// A row that is made of numbers that no series has takes no memory for them.
func TestRollUpMakesNoRoomForSeriesThatAreNone(t *testing.T) {
	server := postgrestest.Start(t)
	clock := newClock()
	m := joinLedger(t, Options{Database: server.Books(), Instance: "one", clock: clock.now, Now: clock.now})
	m.count(3, paid)
	soon(t, "it is delivered", func() bool { return inTables(t, m, ofRequests)[requests] == 3 })
	const many = 2 << 20
	batch := binary.AppendUvarint([]byte{batchVersion}, many)
	batch = append(batch, bytes.Repeat([]byte{1}, many)...) // each the next number
	spoil(t, m, `INSERT INTO uniapi.minutes SELECT min(at), 'r', 1, 99999, $1 FROM uniapi.minutes`, append(batch, 0))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	clock.advance(2 * time.Hour)
	soon(t, "hours are made", func() bool { return rolledUp(t, m) })
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 200<<20 {
		t.Errorf("it took %d bytes", after.TotalAlloc-before.TotalAlloc)
	}
	if got := inTables(t, m, ofRequests); got[requests] != 3 {
		t.Errorf("the ledger has %v", got)
	}
	if n := m.ledger.Status().Damaged; n != 1 {
		t.Errorf("%d rows are set aside", n)
	}
}

func rolledUp(t testing.TB, m *member) (some bool) {
	t.Helper()
	if err := m.ledger.ask(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM uniapi.hours)`).Scan(&some)
	}); err != nil {
		t.Fatal(err)
	}
	return some
}
