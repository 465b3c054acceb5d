package usage

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// lineLog keeps what is logged.
type lineLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lineLog) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lineLog) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// rewrite changes the ledger in a folder, which nobody has open.
func rewrite(t *testing.T, dir string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, ledgerFile), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
}

// lived is a ledger with minutes, hours and days in it, and its clock.
func lived(t *testing.T, dir string) *clock {
	t.Helper()
	c := newClock()
	b := open(t, Options{Dir: dir, Now: c.now})
	credits, begun := int64(1_000_000), c.now()
	k := configure(t, b, &credits, &begun)
	for range 4 * 24 * 2 {
		k.Series("p", "m", "e").Record(sample(1, 1))
		k.Series("p", "n", "e").Record(sample(1, 1))
		b.Attempt("p", "m", "sk-…1", true)
		b.Seen(netip.MustParseAddr("127.0.0.1"))
		flush(t, b)
		c.advance(30 * time.Minute)
	}
	if _, _, err := b.AddCredits(secret, Correction{Nano: 500}); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// row is where a row stands in a ledger.
type row struct {
	table      string
	key, value []byte
}

func rowsOf(t *testing.T, dir string) (list []row) {
	t.Helper()
	rewrite(t, dir, func(tx *bbolt.Tx) error {
		return tx.ForEach(func(table []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(key, value []byte) error {
				list = append(list, row{string(table), bytes.Clone(key), bytes.Clone(value)})
				return nil
			})
		})
	})
	return list
}

// askedAll asks the books everything.
func askedAll(t *testing.T, b *Books, c *clock) (requests, spent int64) {
	t.Helper()
	from, to := time.Unix(0, 0), c.now()
	b.Stats(720)
	b.KeyRankings("p", from, to)
	b.KeyStates(false)
	if _, err := b.Timeline(to.Add(-100*24*time.Hour), to, 24*time.Hour, ByKey, ""); err != nil {
		t.Fatal(err)
	}
	state, _ := b.State(secret)
	return requestsIn(b, from, to), state.Spent
}

func TestLedgerWithDamagedRowsOpensWithoutThem(t *testing.T) {
	whole := t.TempDir()
	c := lived(t, whole)
	pristine, err := os.ReadFile(filepath.Join(whole, ledgerFile))
	if err != nil {
		t.Fatal(err)
	}
	all := rowsOf(t, whole)
	random := rand.New(rand.NewPCG(1, 7))
	credits, begun := int64(1_000_000), newClock().now()
	const requests, spent = 2 * 4 * 24 * 2, 2 * 4 * 24 * 2
	for name, damage := range map[string]func(value []byte) []byte{
		"cut":        func(value []byte) []byte { return value[:len(value)/2] },
		"empty":      func([]byte) []byte { return []byte{} },
		"longer":     func(value []byte) []byte { return append(bytes.Clone(value), 0xff) },
		"of ones":    func(value []byte) []byte { return bytes.Repeat([]byte{0xff}, len(value)) },
		"of nothing": func(value []byte) []byte { return make([]byte, len(value)) },
		"random": func(value []byte) []byte {
			out := bytes.Clone(value)
			for i := range out {
				out[i] = byte(random.Uint32())
			}
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			tables := map[string]int{}
			for _, r := range all {
				if tables[r.table]++; string(r.key) == string(keySchema) || tables[r.table] > 2 {
					continue // the version of the file; and two of each kind are enough
				}
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, ledgerFile), pristine, 0o600); err != nil {
					t.Fatal(err)
				}
				rewrite(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(r.table)).Put(r.key, damage(r.value)) })
				damagedOnce := int64(0)
				for run := range 2 {
					var log lineLog
					b := open(t, Options{Dir: dir, Now: c.now, Log: log.logger()})
					if err := b.Configure([]Terms{{Secret: secret, Alias: "tester", Credits: &credits, CreatedAt: &begun}}); err != nil {
						t.Fatalf("%s %x: %v", r.table, r.key, err)
					}
					n, cost := askedAll(t, b, c)
					if n < 0 || cost < 0 {
						t.Errorf("%s %x: %d requests, %d spent", r.table, r.key, n, cost)
					}
					// Nothing else is lost: at most a day of the four, or what one series has counted.
					if damaged := b.Ledger().Damaged; damaged > 0 && r.table != tableNames && (n < requests/2 || cost < spent/2) {
						t.Errorf("%s %x: of %d requests %d are left, of %d that were spent %d", r.table, r.key, requests, n, spent, cost)
					} else if run == 0 {
						if damagedOnce = damaged; log.count("could not be read; it is left out") != int(damaged) {
							t.Errorf("%s %x: %d rows, and the log:\n%s", r.table, r.key, damaged, log.text.String())
						}
					} else if damaged != damagedOnce || log.count("could not be read") != 0 {
						t.Errorf("%s %x: %d rows are damaged after %d:\n%s", r.table, r.key, damaged, damagedOnce, log.text.String())
					}
					b.Key(secret).Series("p", "m", "e").Record(sample(1, 1))
					flush(t, b)
					if err := b.Close(); err != nil {
						t.Errorf("%s %x: %v", r.table, r.key, err)
					}
				}
				if seen := r.table == tableNames || r.table == tableCredits || r.table == tableMeta; seen && name == "cut" && damagedOnce == 0 {
					t.Errorf("%s %x: nobody noticed", r.table, r.key)
				}
				if kept := rowsIn(rowsOf(t, dir), tableDamaged); int64(len(kept)) != damagedOnce || damagedOnce == 1 && !bytes.Equal(kept[0].value, damage(r.value)) && name != "random" {
					t.Errorf("%s %x: set aside is %v", r.table, r.key, kept)
				}
			}
		})
	}
}

func rowsIn(all []row, table string) (list []row) {
	for _, r := range all {
		if r.table == table {
			list = append(list, r)
		}
	}
	return list
}

func TestRowsThatAreDamagedWhileTheBooksAreOpenAreLeftOutOfHoursAndDays(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	b := open(t, Options{Dir: dir, Now: c.now})
	k := configure(t, b, nil, nil)
	for n := range 10 {
		k.Series("p", "m", "e").Record(sample(1, 1))
		flush(t, b)
		if n == 3 {
			at := spanKey(begin(c.now().Unix(), minute))
			if err := localOf(b).store.update(func(w writer) error { return w.put(spanTable(minute, ofRequests), at, []byte("damaged")) }); err != nil {
				t.Fatal(err)
			}
		}
		c.advance(time.Minute)
	}
	c.advance(48 * time.Hour)
	flush(t, b)
	if n := requestsIn(b, time.Unix(0, 0), c.now()); n != 9 || b.Ledger().Damaged != 1 || b.Health() != nil {
		t.Errorf("%d of 10 requests are there, %d rows damaged, %v", n, b.Ledger().Damaged, b.Health())
	}
	// In the middle of a minute that goes on after a restart.
	k.Series("p", "m", "e").Record(sample(1, 1))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	at := spanKey(begin(c.now().Unix(), minute))
	rewrite(t, dir, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(spanTable(minute, ofRequests))).Put(at, []byte("again"))
	})
	b = open(t, Options{Dir: dir, Now: c.now})
	for range 3 {
		configure(t, b, nil, nil).Series("p", "m", "e").Record(sample(1, 1))
		flush(t, b)
	}
	if n := requestsIn(b, time.Unix(0, 0), c.now()); n != 12 || b.Ledger().Damaged != 2 {
		t.Errorf("%d requests are there, %d rows damaged", n, b.Ledger().Damaged)
	}
	kept := ""
	localOf(b).store.view(func(r reader) error {
		return r.each(tableDamaged, func(_, value []byte) error {
			kept += fmt.Sprintf("%s;", value)
			return nil
		})
	})
	if kept != "damaged;again;" {
		t.Errorf("set aside is %q", kept)
	}
}

func TestLedgerThatLostItsMarksFindsThemAgain(t *testing.T) {
	dir := t.TempDir()
	c := lived(t, dir)
	before := rowsIn(rowsOf(t, dir), tableMeta)
	rewrite(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(tableMeta)).Delete(keyMarks) })
	b := open(t, Options{Dir: dir, Now: c.now})
	configure(t, b, nil, nil)
	if n, _ := askedAll(t, b, c); n != 2*4*24*2 {
		t.Errorf("%d requests are left", n)
	}
	flush(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if after := rowsIn(rowsOf(t, dir), tableMeta); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%v became %v", before, after)
	}
}

// Marks move on with the time, whether or not anything is counted then: what there is may be far behind them.
func TestLedgerThatWasIdleIsNotTakenForDamaged(t *testing.T) {
	used := t.TempDir()
	end := lived(t, used).at.Load()
	for _, idle := range []time.Duration{0, minutesFor, 5 * 24 * time.Hour, 40 * 24 * time.Hour} {
		for _, then := range []string{"nothing", "a request"} {
			dir, c := t.TempDir(), newClock()
			c.at.Store(end)
			if err := os.CopyFS(dir, os.DirFS(used)); err != nil {
				t.Fatal(err)
			}
			o := Options{Dir: dir, Now: c.now, Retention: 30 * 24 * time.Hour}
			said := func() *Books {
				var lines lineLog
				o.Log = lines.logger()
				b := open(t, o)
				if lines.count("could not be read") > 0 || b.ledger.(*localLedger).damaged.Load() > 0 {
					t.Errorf("idle for %v, then %s: %s", idle, then, lines.text.String())
				}
				return b
			}
			for range 2 { // the first time it was not running, the second it was
				c.advance(idle)
				b := said()
				k := configure(t, b, nil, nil)
				if then != "nothing" {
					k.Series("p", "m", "e").Record(sample(1, 1))
				}
				flush(t, b)
				c.advance(idle)
				flush(t, b)
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
				said().Close()
			}
		}
	}
}
