package usage

import (
	"reflect"
	"testing"
	"time"
)

func counted(n int64) []Counted {
	c := Counts{Row: Row{requests: n, promptTokens: 2 * n, cost: 3 * n}}
	c.histogram(duration)[3] = n
	return []Counted{{Name{ofRequests, "key", "p", "m", "e"}, c}, {Name{Kind: ofClients, Who: "192.0.2.1"}, Counts{Row: Row{requests: n}}}}
}

// save writes what is not in the file.
func (o *outbox) save(t testing.TB) {
	t.Helper()
	s := o.unsaved()
	if err := o.store.update(s.write); err != nil {
		t.Fatal(err)
	}
	o.written(&s)
}

func openBox(t testing.TB, dir string) *outbox {
	t.Helper()
	var lost damages
	o, err := openOutbox(dir, false, &lost)
	if err != nil || len(lost.list) > 0 {
		t.Fatal(err, lost.list)
	}
	return o
}

func TestOutboxKeepsWhatWaitsOverARestart(t *testing.T) {
	dir := t.TempDir()
	o := openBox(t, dir)
	o.count(60, counted(1))
	o.save(t)
	o.count(60, counted(2)) // to the same piece, which nobody has tried
	o.pieces[0].tried = true
	o.count(60, counted(4)) // to another one
	o.save(t)
	o.count(120, counted(8))
	o.delivered(o.pieces[0])
	o.save(t)
	want := [][]byte{o.pieces[0].bytes(), o.pieces[1].bytes()}
	if err := o.store.close(); err != nil {
		t.Fatal(err)
	}
	again := openBox(t, dir)
	defer again.store.close()
	if len(again.pieces) != 2 || !reflect.DeepEqual([][]byte{again.pieces[0].bytes(), again.pieces[1].bytes()}, want) {
		t.Fatalf("%d pieces wait, not the two", len(again.pieces))
	}
	for i, p := range again.pieces {
		if p.run != o.run || p.run == again.run || p.number != int64(i+2) || !p.tried {
			t.Errorf("piece %d: %+v", i, p)
		}
	}
	if got := again.costs(again.pieces[1].span); !reflect.DeepEqual(got, map[string]int64{"key": 24}) {
		t.Errorf("it cost %v", got)
	}
	again.count(120, counted(16))
	if p := again.pieces[2]; p.seq != 4 || p.number != 1 {
		t.Errorf("the next is %+v", p)
	}
}

func TestOutboxOfALongOutageHasAPieceForEachHour(t *testing.T) {
	o := openBox(t, t.TempDir())
	defer o.store.close()
	const hours = 30
	for at := int64(0); at < hours*hour; at += minute {
		o.count(at, counted(1))
		if at == 5*minute {
			o.pieces[0].tried = true
		}
		o.squeeze(at)
		o.save(t)
	}
	if n := len(o.pieces); n > hours+mostMinutes+2 {
		t.Errorf("%d pieces wait", n)
	}
	sum := newSpan()
	for _, p := range o.pieces {
		sum.merge(p.span)
	}
	if got := sum.rows[ofKeys].at(o.index.number(Name{Kind: ofKeys, Who: "key"})).Row[requests]; got != hours*60 {
		t.Errorf("of %d requests %d wait", hours*60, got)
	}
	inFile := 0
	if err := o.store.view(func(r reader) error {
		return r.each(tablePieces, func(_, _ []byte) error { inFile++; return nil })
	}); err != nil || inFile != len(o.pieces) {
		t.Errorf("%v: %d pieces in the file, %d in memory", err, inFile, len(o.pieces))
	}
}

// A database that does not answer fails no count, and what was counted is delivered by the next process of the folder.
func TestLedgerWhoseDatabaseIsAwayKeepsWhatIsCounted(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Options{Database: "postgres://u:p@127.0.0.1:1/d?sslmode=disable", Dir: dir})
	credits := int64(100)
	k := configure(t, b, &credits, nil)
	k.Series("p", "m", "e").Record(sample(1, 10))
	k.Spend(10)
	if err := b.flush(); err != nil {
		t.Fatal(err)
	}
	if stands := b.Ledger(); stands.Away.IsZero() || stands.Err == nil || stands.Pending == 0 || stands.Lag > time.Minute {
		t.Errorf("it stands: %+v", stands)
	}
	if k.Left() != 90 {
		t.Errorf("%d are left", k.Left())
	}
	if n, _ := countedIn(b); n != 1 {
		t.Errorf("%d requests are told", n)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := openBox(t, dir)
	defer again.store.close()
	if len(again.pieces) != 1 {
		t.Errorf("%d pieces wait", len(again.pieces))
	}
}

func FuzzPiece(f *testing.F) {
	o := &outbox{index: indexOf(make([]Name, 1))}
	o.count(60, counted(3))
	f.Add(o.pieces[0].bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readPiece(spanKey(7), data)
		if err != nil {
			return
		}
		again, err := readPiece(spanKey(7), p.bytes())
		if err != nil {
			t.Fatalf("what was read of %x cannot be read again: %v", data, err)
		}
		if !reflect.DeepEqual(again.bytes(), p.bytes()) || again.run != p.run || again.number != p.number || again.at != p.at {
			t.Errorf("%+v, then %+v", p, again)
		}
		o.costs(p.span)
		o.names(p.span)
	})
}
