//go:build cluster

package usage

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/config"
	"uniapi/usage/postgrestest"
)

// member is an instance's books in a common ledger.
type member struct {
	*Books
	ledger *sharedLedger
	log    *lockedText
}

type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func joinLedger(t testing.TB, o Options) *member {
	t.Helper()
	m := &member{log: new(lockedText)}
	o.Log = slog.New(slog.NewTextHandler(m.log, nil))
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	opened, err := OpenLedger(o)
	if err != nil {
		t.Fatal(err)
	}
	m.ledger, o.Ledger = opened.(*sharedLedger), opened
	if m.Books, err = Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		if t.Failed() {
			t.Log(m.log)
		}
	})
	return m
}

func (m *member) count(n int, sample Sample) {
	for range n {
		m.Key(secret).Series("openai", "gpt", "POST /v1/chat/completions").Record(sample)
	}
}

// soon waits until something holds.
func soon(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("in 20 s not: %s", what)
		}
	}
}

// inTables is what the tables have, whatever waits.
func inTables(t testing.TB, m *member, k Kind) (row Row) {
	t.Helper()
	err := m.ledger.readDelivered(t.Context(), m.options.Now(), func(v *sharedView) error {
		all := newTally(allColumns, func(n Name) (string, bool) { return "", true })
		err := all.scan(v, k, 0, v.End(), day)
		if c := all.sums[""]; c != nil {
			row = c.Row
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

var paid = Sample{Success: true, Tokens: Tokens{Prompt: 3, Completion: 2}, Cost: 7, TTFT: time.Millisecond, Duration: 2 * time.Millisecond}

func TestInstancesSeeWhatTheOthersHaveCounted(t *testing.T) {
	server := postgrestest.Start(t)
	a, b := joinLedger(t, Options{Database: server.Books(), Instance: "one"}), joinLedger(t, Options{Database: server.Books(), Instance: "two"})
	credits := int64(1000)
	ka, kb := configure(t, a.Books, &credits, nil), configure(t, b.Books, &credits, nil)
	a.count(10, paid)
	ka.Spend(70)
	b.count(5, paid)
	kb.Spend(35)
	for name, m := range map[string]*member{"one": a, "two": b} {
		soon(t, name+" knows that 105 were spent", func() bool { return m.Key(secret).Left() == 1000-105 })
		// What one has spent itself it knows before that is delivered.
		soon(t, "all is delivered", func() bool { return inTables(t, m, ofRequests)[requests] == 15 })
		if got := inTables(t, m, ofRequests); got[requests] != 15 || got[promptTokens] != 45 || got[cost] != 105 {
			t.Errorf("%s has %v", name, got)
		}
		if list := m.Costs(secret, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); len(list) != 1 || list[0].Requests != 15 {
			t.Errorf("%s tells %+v", name, list)
		}
		for instance, want := range map[string]int64{"one": 10, "two": 5, "": 15} {
			of, err := m.Of(t.Context(), instance)
			if err != nil {
				t.Fatal(err)
			}
			if list := of.Costs("", time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); len(list) != 1 || list[0].Requests != want {
				t.Errorf("of %q %s tells %+v", instance, name, list)
			}
		}
		if names := m.Instances(t.Context()); !slices.Equal(names, []string{"one", "two"}) {
			t.Errorf("the ledger is shared by %q", names)
		}
		if _, err := m.Of(t.Context(), "three"); !errors.Is(err, ErrInstance) {
			t.Errorf("of three: %v", err)
		}
		line, err := m.Timeline(time.Now().Add(-time.Hour), time.Now(), time.Minute, ByModel, "")
		if err != nil || len(line) != 1 || line[0].Total.Requests != 15 || line[0].Total.TTFT50 == 0 {
			t.Errorf("%s: %v, %+v", name, err, line)
		}
	}
	if _, _, err := a.AddCredits(secret, Correction{Nano: 500, By: "me", Note: "Ω \x00"}); err != nil {
		t.Fatal(err)
	}
	soon(t, "the other one knows what was added", func() bool { return kb.Left() == 1500-105 })
	if list, known, err := b.Corrections(secret); err != nil || !known || len(list) != 1 || list[0].Nano != 500 || list[0].Note != "Ω \x00" {
		t.Errorf("%v %v %+v", known, err, list)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	again := joinLedger(t, Options{Database: server.Books(), Instance: "one"})
	if k := configure(t, again.Books, &credits, nil); k.Left() != 1500-105 {
		t.Errorf("after a restart %d are left", k.Left())
	}
}

func TestOfFourInstancesThatStartAtOnceOneMakesTheTables(t *testing.T) {
	server := postgrestest.Start(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			p, err := openPostgres(server.Books(), fmt.Sprint(i))
			if err == nil {
				defer p.pool.Close()
				err = p.prepare(t.Context())
			}
			if err == nil {
				err = p.makeParts(t.Context(), monthOf(time.Now().Unix()))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := server.SQL("books", "SELECT count(*) FROM uniapi.versions"); got != fmt.Sprint(len(schemas)) {
		t.Errorf("there are %s versions", got)
	}
}

func TestStartSaysWhatIsWrongWithTheDatabase(t *testing.T) {
	server := postgrestest.Start(t)
	server.SQL("postgres", "CREATE DATABASE latin OWNER gate TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
	server.SQL("postgres", "CREATE DATABASE newer OWNER gate")
	server.SQL("newer", "CREATE SCHEMA uniapi CREATE TABLE versions (version integer)")
	server.SQL("newer", "INSERT INTO uniapi.versions VALUES (99)")
	server.SQL("newer", "GRANT ALL ON ALL TABLES IN SCHEMA uniapi TO gate; ")
	server.SQL("newer", "GRANT ALL ON SCHEMA uniapi TO gate")
	server.SQL("postgres", "CREATE ROLE poor LOGIN PASSWORD 'poor'")
	server.SQL("postgres", "CREATE DATABASE others")
	for name, c := range map[string]struct{ url, want string }{
		"a wrong password":        {server.URL("gate", "wrong-password", "books"), "refuses the password of user gate: set the right one in DATABASE_URL or DB_PASSWORD"},
		"a user that is not":      {server.URL("nobody", "correct-horse", "books"), "refuses the password of user nobody"},
		"a database that is not":  {server.URL("gate", "correct-horse", "book"), "no database book: create it (CREATE DATABASE book OWNER gate)"},
		"missing rights":          {server.URL("poor", "poor", "others"), "GRANT CREATE, CONNECT ON DATABASE others TO poor"},
		"another encoding":        {server.URL("gate", "correct-horse", "latin"), "encoding is LATIN1"},
		"tables of a newer one":   {server.URL("gate", "correct-horse", "newer"), "a newer version of uni-api (version 99;"},
		"an address that is none": {"postgres://gate:correct-horse@127.0.0.1:nine/books", "must be like postgres://"},
	} {
		_, err := OpenLedger(Options{Database: c.url, Dir: t.TempDir(), Log: quiet})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "correct-horse") || strings.Contains(err.Error(), "wrong-password") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := suits(120022, "UTF8"); err == nil || !strings.Contains(err.Error(), "PostgreSQL 12; the ledger needs 13") {
		t.Error(err)
	}
}

func TestStartWithoutTheDatabaseServesAndTellsItLater(t *testing.T) {
	server := postgrestest.Start(t)
	dir, credits := t.TempDir(), int64(100)
	m := joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one"})
	k := configure(t, m.Books, &credits, nil)
	m.count(3, paid)
	k.Spend(21)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	m = joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one"})
	k = configure(t, m.Books, &credits, nil)
	if left := k.Left(); left != 100-21 {
		t.Errorf("after a start without the database %d are left of the credits", left)
	}
	m.count(2, paid)
	k.Spend(14)
	if stands := m.Ledger(); stands.Away.IsZero() {
		t.Errorf("it is not away: %+v", stands)
	}
	if list := m.Costs(secret, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); len(list) != 1 || list[0].Requests != 2 {
		t.Errorf("without the database there is %+v", list)
	}
	if _, _, err := m.AddCredits(secret, Correction{Nano: 5}); !errors.Is(err, ErrAway) {
		t.Errorf("credits are added: %v", err)
	}
	server.Start()
	soon(t, "it is back", func() bool { return m.Ledger().Away.IsZero() && !m.Unread() })
	soon(t, "what was spent before is known", func() bool { return k.Left() == 100-35 })
	soon(t, "all is in the tables", func() bool { return inTables(t, m, ofKeys)[requests] == 5 })
	if stands := m.Ledger(); !stands.Away.IsZero() || stands.Err != nil {
		t.Errorf("it is away: %+v", stands)
	}
}

func TestStartWithoutTheDatabaseKnowsWhatAllHadSpentBefore(t *testing.T) {
	server := postgrestest.Start(t)
	dir, credits := t.TempDir(), int64(100)
	one, other := joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one"}), joinLedger(t, Options{Database: server.Books(), Instance: "two"})
	mine, theirs := configure(t, one.Books, &credits, nil), configure(t, other.Books, &credits, nil)
	other.count(4, paid)
	theirs.Spend(28)
	if _, _, err := other.AddCredits(secret, Correction{Nano: 50}); err != nil {
		t.Fatal(err)
	}
	soon(t, "the first knows of it", func() bool { return mine.Left() == 150-28 })
	server.Stop() // while it is away the first goes on, and is killed then
	one.count(1, paid)
	mine.Spend(7)
	soon(t, "all of that is in the folder", func() bool {
		all, err := readKnown(one.ledger.box.store, time.Now())
		n := all[mine.hash]
		return err == nil && n != nil && n.common(n.Since, false).total == 35 && n.Added == 50
	})
	killed(one)
	one = joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one"})
	mine = configure(t, one.Books, &credits, nil)
	if left := mine.Left(); left != 150-35 {
		t.Errorf("%d are left of the credits", left)
	}
	if ok, err := mine.Reserve(t.Context(), 1); !ok || err != nil || !one.Unread() || !one.Ready() {
		t.Errorf("a request is let in: %v, %v; unread %v, ready %v", ok, err, one.Unread(), one.Ready())
	}
	killed(one)
	one = joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: "one", Strict: true})
	mine = configure(t, one.Books, &credits, nil)
	if ok, err := mine.Reserve(t.Context(), 1); ok || !errors.Is(err, ErrAway) || one.Ready() {
		t.Errorf("on_failure refuse: a request is let in: %v, %v; ready %v", ok, err, one.Ready())
	}
	server.Start()
	soon(t, "it is read", one.Ready)
	soon(t, "all is known", func() bool { return mine.Left() == 150-35 && theirs.Left() == 150-35 })
	if ok, err := mine.Reserve(t.Context(), 1); !ok || err != nil {
		t.Errorf("then a request is let in: %v, %v", ok, err)
	}
}

// killed ends a process as a signal would that it does not see: what is not in its folder is lost.
func killed(m *member) {
	m.ending.Do(func() {
		close(m.stop)
		<-m.done
		<-m.heard
		m.ledger.stop()
		<-m.ledger.done
		m.ledger.server.pool.Close()
		_ = m.ledger.box.store.close()
	})
}

func TestCommitWhoseAnswerIsLostIsCountedOnce(t *testing.T) {
	server := postgrestest.Start(t)
	cut := newCutter(t, server.Port)
	address, _ := url.Parse(server.Books())
	address.Host = cut.address
	m := joinLedger(t, Options{Database: address.String()})
	k := configure(t, m.Books, nil, nil)
	want := int64(0)
	for range 4 {
		cut.next.Store(true)
		m.count(10, paid)
		k.Spend(70)
		want += 10
		soon(t, "it was cut", func() bool { return !cut.next.Load() })
		if _, _, err := m.AddCredits(secret, Correction{Nano: 1}); err != nil {
			t.Fatal(err)
		}
		cut.next.Store(true)
		if _, _, err := m.AddCredits(secret, Correction{Nano: 1}); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, m.Books) // what was cut may have been a question, before the last ten were handed over
	soon(t, "all is delivered, and known to be", func() bool { return m.ledger.Status().Pending == 0 && m.ledger.Status().Away.IsZero() })
	if got := inTables(t, m, ofRequests); got[requests] != want || cut.cuts.Load() < 8 {
		t.Errorf("%d requests of %d, after %d cuts", got[requests], want, cut.cuts.Load())
	}
	if got := server.SQL("books", "SELECT sum(nano)::text FROM uniapi.spent"); got != fmt.Sprint(want*7) {
		t.Errorf("%s were spent", got)
	}
	if list, _, err := m.Corrections(secret); err != nil || len(list) != 8 || list[7].Total != 8 {
		t.Errorf("%v: %d corrections: %+v", err, len(list), list)
	}
}

// TestTablesAnswerAsAFileDoes counts the same for two months into a file of one process and into the tables by two
// instances.
func TestTablesAnswerAsAFileDoes(t *testing.T) {
	server := postgrestest.Start(t)
	var mu sync.Mutex
	at := time.Date(2026, 1, 30, 22, 58, 30, 0, time.UTC)
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
	const kept = 40 * 24 * time.Hour
	file := open(t, Options{Memory: true, Now: now, Retention: kept})
	a := joinLedger(t, Options{Database: server.Books(), Instance: "one", Now: now, Retention: kept})
	b := joinLedger(t, Options{Database: server.Books(), Instance: "two", Now: now, Retention: kept})
	compare := func(step int) {
		t.Helper()
		for _, length := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
			for _, by := range []Grouping{ByModel, ByKey, ByAttempts} {
				from := now().Add(-min(1500*length, 60*24*time.Hour))
				want, err1 := file.Timeline(from, now(), length, by, "")
				got, err2 := a.Timeline(from, now(), length, by, "")
				if err1 != nil || err2 != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("step %d, %v by %s: %v %v, %d and %d lines, not the same", step, length, by, err1, err2, len(got), len(want))
				}
			}
		}
		if got, want := b.Stats(24*90), file.Stats(24*90); !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d: %+v\n%+v", step, got, want)
		}
	}
	for step := range 90 {
		for i, of := range []*member{a, b} {
			for _, into := range []*Books{file, of.Books} {
				key := into.Key(fmt.Sprint("sk-", step%3))
				key.Series("p", fmt.Sprint("m", i), "POST /v1/chat/completions").Record(sample(int64(step), int64(7*i+1)))
				into.Attempt("p", "m", "k", step%5 > 0)
			}
			if err := of.flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := file.flush(); err != nil {
			t.Fatal(err)
		}
		soon(t, "the tables are up to date", func() bool {
			a.flush()
			b.flush()
			a.ledger.tables.mu.Lock()
			defer a.ledger.tables.mu.Unlock()
			return a.ledger.Status().Pending+b.ledger.Status().Pending == 0 && a.ledger.tables.rollUpAt > now().Unix()
		})
		if step%10 == 9 {
			compare(step)
		}
		mu.Lock()
		if step < 20 {
			at = at.Add(7 * time.Minute)
		} else {
			at = at.Add(23 * time.Hour)
		}
		mu.Unlock()
	}
	// Months whose end is longer ago than the retention are gone; what keys cost stays.
	parts := server.SQL("books", "SELECT string_agg(c.relname::text, ' ' ORDER BY c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent IN ('uniapi.hours'::regclass, 'uniapi.days'::regclass)")
	if strings.Contains(parts, "2026_01") || !strings.Contains(parts, "days_2026_02") || !strings.Contains(parts, "hours_2026_04") {
		t.Errorf("at %v there are %s", now(), parts)
	}
	if got := inTables(t, a, ofKeys); got[requests] != 180 {
		t.Errorf("of 180 requests %d are counted by key", got[requests])
	}
}

// TestCreditsOfAFleetBeginAnewWithTheMonth turns the month while all instances run, and while one has been away for
// several.
func TestCreditsOfAFleetBeginAnewWithTheMonth(t *testing.T) {
	server := postgrestest.Start(t)
	c := newClock()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	c.at.Store(time.Date(2028, 2, 29, 12, 0, 0, 0, zone).Unix())
	credits := int64(70)
	terms := []Terms{{Secret: secret, Alias: "tester", Credits: &credits, Renews: &config.Renewal{Zone: zone}}}
	begin := func(name, dir string) (*member, *Key) {
		m := joinLedger(t, Options{Database: server.Books(), Dir: dir, Instance: name, Now: c.now})
		if err := m.Configure(terms); err != nil {
			t.Fatal(err)
		}
		return m, m.Key(secret)
	}
	dir := t.TempDir()
	one, mine := begin("one", t.TempDir())
	two, theirs := begin("two", dir)
	spend := func(m *member, k *Key, times int) {
		m.count(times, paid)
		k.Spend(int64(times) * 7)
		flush(t, m.Books) // in the month that it is
	}
	spend(one, mine, 4)
	spend(two, theirs, 6)
	soon(t, "both know of all", func() bool { return mine.OutOfCredit() && theirs.OutOfCredit() })
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	c.at.Store(time.Date(2028, 2, 29, 23, 59, 59, 0, zone).Unix())
	one.renew()
	if !mine.OutOfCredit() {
		t.Error("it is renewed a second too early")
	}
	c.at.Store(time.Date(2028, 3, 1, 0, 0, 0, 0, zone).Unix())
	soon(t, "the one that runs has all of it again", func() bool { return mine.Left() == 70 })
	spend(one, mine, 3)
	c.at.Store(time.Date(2028, 6, 1, 0, 0, 0, 0, zone).Unix())
	soon(t, "and three months later", func() bool { return mine.Left() == 70 })
	spend(one, mine, 2)
	two, theirs = begin("two", dir)
	soon(t, "the one that was away knows of this month alone", func() bool { return theirs.Left() == 70-14 })
	server.Stop()
	soon(t, "it is known to be away", func() bool { return !two.Ledger().Away.IsZero() && !one.Ledger().Away.IsZero() })
	killed(two)
	c.at.Store(time.Date(2028, 7, 1, 0, 0, 0, 0, zone).Unix())
	if _, theirs = begin("two", dir); theirs.Left() != 70 {
		t.Errorf("a start in another month, without the database: %d are left", theirs.Left())
	}
	soon(t, "the one that runs has all of it again without the database", func() bool { return mine.Left() == 70 })
	spend(one, mine, 2)
	if mine.Left() != 70-14 {
		t.Errorf("of what is spent then, without the database, %d are left", mine.Left())
	}
	server.Start()
	soon(t, "both know of this month alone when it is back", func() bool { return mine.Left() == 70-14 && theirs.Left() == 70-14 })
}
