package requestlog

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var wide = Bounds{Keep: 30 * 24 * time.Hour, Most: 1 << 30}

func open(t *testing.T, dir string, b Bounds) *Log {
	t.Helper()
	l := New(dir, b, slog.New(slog.NewTextHandler(io.Discard, nil)))
	t.Cleanup(l.Close)
	return l
}

func line(i int, at time.Time, status int, rest string) []byte {
	return fmt.Appendf(nil, `{"time":%q,"id":"r%d","status":%d,"endpoint":"chat","key":"k%d","model":"m%d"%s}`+"\n", at.Format(time.RFC3339Nano), i, status, i%3, i%2, rest)
}

func search(t *testing.T, dir string, q Query) Page {
	t.Helper()
	p, err := Search(context.Background(), dir, q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ids(p Page) string {
	var all []string
	for _, f := range p.Found {
		all = append(all, f.ID)
	}
	return strings.Join(all, " ")
}

func TestAttemptsTellWhatTheirLineSaysForThem(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, wide)
	l.Add(line(0, time.Now(), 200, `,"provider":"b","upstream_model":"y","attempts":[{"provider":"a","upstream_model":"x","status":500},{"provider":"a","status":429},{"status":200}],"exchange":{"a":1}`))
	l.Flush()
	var attempts []string
	found := search(t, dir, Query{Bodies: true}).Found
	for _, a := range found[0].Attempts {
		attempts = append(attempts, a.Provider+"/"+a.Upstream)
	}
	if got := strings.Join(attempts, " "); got != "a/x a/y b/y" {
		t.Errorf("they are %s", got)
	}
	whole, err := json.Marshal(found[0].Whole())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"provider":"b","upstream_model":"y","status":200`, `"exchange":{"a":1}}`} {
		if !bytes.Contains(whole, []byte(want)) {
			t.Errorf("%s does not have %s", whole, want)
		}
	}
}

func TestLinesAreFoundByWhatTheySay(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, wide)
	began := time.Now()
	for i, rest := range []string{``, `,"provider":"a","upstream_model":"x/y"`, `,"provider":"b","attempts":[{"provider":"a","upstream_model":"z","status":500,"error":"out of \"order\""}]`, `,"error":"no such thing"`} {
		l.Add(line(i, began.Add(time.Duration(i)*time.Millisecond), []int{200, 429, 200, 499}[i], rest))
	}
	l.Flush()
	for _, c := range []struct {
		name  string
		query Query
		want  string
	}{
		{"all, the newest first", Query{}, "r3 r2 r1 r0"},
		{"an id", Query{ID: "r2"}, "r2"},
		{"a key", Query{Key: "k0"}, "r3 r0"},
		{"a model", Query{Model: "m1"}, "r3 r1"},
		{"a model upstream", Query{Model: "x/y"}, "r1"},
		{"a provider that answered or failed", Query{Provider: "a"}, "r2 r1"},
		{"a status", Query{Least: 400, Most: 498}, "r1"},
		{"failures", Query{Failed: true}, "r1"},
		{"a text with quotes", Query{Text: `"order"`}, "r2"},
		{"a text of the error", Query{Text: "such"}, "r3"},
		{"a text that is only in names of members", Query{Text: "endpoint"}, ""},
		{"a time", Query{Since: began.Add(time.Millisecond), Until: began.Add(3 * time.Millisecond)}, "r2 r1"},
		{"as many as wanted", Query{Limit: 2}, "r3 r2"},
		{"nobody", Query{Key: "k"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ids(search(t, dir, c.query)); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestKeyFindsItsRequestsByWhatItIsToldAlone looks for what only those see who run the gateway, in each member that
// has it.
func TestKeyFindsItsRequestsByWhatItIsToldAlone(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, wide)
	l.Add(line(0, time.Now(), 500, `,"key_id":"abc","provider":"secret-one","upstream_model":"secret-two","client":"10.1.2.3","error":"it failed","detail":"secret-three","attempts":[{"provider":"secret-four","upstream_model":"secret-five","status":500,"error":"secret-six"}]`))
	l.Flush()
	for _, own := range []bool{false, true} {
		for _, q := range []Query{{Text: "secret-one"}, {Text: "secret"}, {Text: "secret-two"}, {Text: "10.1."}, {Text: "secret-three"}, {Text: "secret-four"}, {Text: "secret-six"}, {Model: "secret-two"}, {Model: "secret-five"}, {Provider: "secret-one"}, {Provider: "secret-four"}} {
			q.KeyID, q.Own = "abc", own
			if found := len(search(t, dir, q).Found); found != 1 && !own || found != 0 && own {
				t.Errorf("%+v finds %d", q, found)
			}
		}
		for _, q := range []Query{{}, {Text: "it failed"}, {Text: "r0"}, {Model: "m0"}, {ID: "r0"}, {Key: "k0"}, {Endpoint: "chat"}, {Failed: true}, {Least: 500, Most: 599}} {
			q.KeyID, q.Own = "abc", own
			p := search(t, dir, q)
			if len(p.Found) != 1 {
				t.Errorf("%+v finds %d", q, len(p.Found))
			} else if told := fmt.Sprintf("%+v", p.Found[0].Entry); own && (strings.Contains(told, "secret") || strings.Contains(told, "10.1.2.3")) {
				t.Errorf("it is told %s", told)
			}
		}
	}
}

func TestPagesFollowEachOtherWhileLinesAreAdded(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Bounds{Keep: time.Hour, Most: 1 << 20}) // segments of 64 KB
	pad := fmt.Sprintf(`,"error":%q`, strings.Repeat("e", 1000))
	const lines = 300
	for i := range lines {
		l.Add(line(i, time.Now(), 200, pad))
		if i%50 == 0 {
			l.Flush()
		}
	}
	l.Flush()
	seen, from := 0, ""
	for {
		p := search(t, dir, Query{Limit: 7, From: from})
		for _, f := range p.Found {
			if want := fmt.Sprint("r", lines-1-seen); f.ID != want {
				t.Fatalf("line %d is %s, want %s", seen, f.ID, want)
			}
			seen++
		}
		l.Add(line(lines+seen, time.Now(), 200, pad))
		l.Flush()
		if from = p.Next; from == "" {
			break
		}
	}
	if seen != lines {
		t.Errorf("%d lines were found, want %d", seen, lines)
	}
	if _, err := Search(context.Background(), dir, Query{From: "yesterday"}); err == nil {
		t.Error("a place that is none was taken")
	}
	gone, end := context.WithCancel(context.Background())
	end()
	if p, err := Search(gone, dir, Query{}); err != nil || len(p.Found) > 0 || p.Next == "" {
		t.Errorf("a search that was ended found %d, next %q, %v", len(p.Found), p.Next, err)
	}
}

func TestOldSegmentsAreCompressedAndTheOldestRemoved(t *testing.T) {
	dir := t.TempDir()
	bounds := Bounds{Keep: time.Hour, Most: 200 << 10, Bodies: true}
	l := open(t, dir, bounds)
	noise := make([]byte, 200) // that no compressor makes small
	for i := range 3000 {
		rand.Read(noise)
		l.Add(line(i, time.Now(), 200, fmt.Sprintf(`,"error":"%x"`, noise)))
		if i%100 == 0 {
			l.Flush()
		}
	}
	l.Flush()
	all, err := list(dir)
	if err != nil || len(all) < 2 {
		t.Fatal(all, err)
	}
	total := int64(0)
	for i, s := range all {
		total += s.size
		if last := i == len(all)-1; !last && !s.compressed {
			t.Errorf("%s is not compressed", s.name)
		}
	}
	if total > bounds.Most {
		t.Errorf("%d bytes are kept, want at most %d", total, bounds.Most)
	}
	p := search(t, dir, Query{})
	if len(p.Found) == 0 || len(p.Found) == 3000 || p.Found[0].ID != "r2999" {
		t.Fatalf("found %d lines", len(p.Found))
	}
	for i, f := range p.Found {
		if want := fmt.Sprint("r", 2999-i); f.ID != want {
			t.Fatalf("line %d is %s, want %s: there is a gap", i, f.ID, want)
		}
	}
	l.Close()
	l = open(t, dir, Bounds{Keep: time.Nanosecond, Most: 1 << 30})
	l.Add(line(9999, time.Now(), 200, ""))
	l.Flush()
	if got := ids(search(t, dir, Query{})); got != "r9999" {
		t.Errorf("what is too old is still there: %q", got)
	}
}

func TestWhatAProcessLeftWhenItDiedIsRead(t *testing.T) {
	dir := t.TempDir()
	begun := time.Now().Add(-time.Minute).UTC()
	name := filepath.Join(dir, prefix+begun.Format(nameTime)+plain)
	torn := append(line(1, begun, 200, ""), `{"time":"2026`...)
	if err := os.WriteFile(name, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600)
	os.WriteFile(filepath.Join(dir, prefix+begun.Add(time.Second).Format(nameTime)+compressed), []byte("no zstd"), 0o600)
	l := open(t, dir, wide)
	l.Add(line(2, time.Now(), 200, ""))
	l.Flush()
	if got := ids(search(t, dir, Query{})); got != "r2 r1" {
		t.Errorf("found %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error("a file that is not the log's was removed")
	}
}

func TestDiskThatTakesNothingLosesLinesAndNoTime(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "requests")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder is to be
		t.Fatal(err)
	}
	l := open(t, dir, wide)
	for i := range 100 {
		l.Add(line(i, time.Now(), 200, ""))
		if i%20 == 0 {
			l.Flush()
		}
	}
	l.Flush()
	state := l.State()
	if state.Dropped != 100 || state.Written != 0 || state.Failing.IsZero() || state.Error == "" {
		t.Fatalf("%+v", state)
	}
	os.Remove(dir)
	l.disk.Lock()
	l.bad = time.Time{} // as if some time had gone by
	l.disk.Unlock()
	l.Add(line(100, time.Now(), 200, ""))
	l.Flush()
	if state = l.State(); state.Written != 1 || !state.Failing.IsZero() {
		t.Errorf("%+v", state)
	}
}

func TestManyAddAtOnceAndNothingIsLost(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Bounds{Keep: time.Hour, Most: 8 << 20})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				l.Add(line(g*500+i, time.Now(), 200, ""))
			}
		})
	}
	all.Wait()
	l.Close()
	l.Add(line(1, time.Now(), 200, "")) // too late
	if p := search(t, dir, Query{}); len(p.Found) != 4000 {
		t.Errorf("%d lines, want 4000", len(p.Found))
	}
	if l.State().Dropped != 1 {
		t.Error("a line after the end was taken")
	}
}

// What is added while other lines are written is there after Close, and not only when a timer has fired.
func TestWhatIsAddedBesideAWriteIsWrittenAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, wide)
	l.disk.Lock()
	l.Add(line(0, time.Now(), 200, ""))
	l.start()
	for taken := false; !taken; runtime.Gosched() {
		l.mu.Lock()
		taken = l.count == 0
		l.mu.Unlock()
	}
	l.Add(line(1, time.Now(), 200, ""))
	closed := make(chan struct{})
	go func() {
		l.Close()
		close(closed)
	}()
	l.disk.Unlock()
	<-closed
	if p := search(t, dir, Query{}); len(p.Found) != 2 {
		t.Errorf("%d lines, want 2", len(p.Found))
	}
}

func TestMemoryThatWaitsForTheDiskIsBounded(t *testing.T) {
	l := open(t, t.TempDir(), wide)
	l.disk.Lock() // the disk stands still
	big := line(1, time.Now(), 200, fmt.Sprintf(`,"error":%q`, strings.Repeat("e", 100<<10)))
	for range 1000 {
		l.Add(big)
	}
	l.mu.Lock()
	held := cap(l.lines)
	l.mu.Unlock()
	l.disk.Unlock()
	if held > 3*mostWaiting {
		t.Errorf("%d bytes wait", held)
	}
	l.Flush()
	if s := l.State(); s.Dropped == 0 || s.Dropped+s.Written != 1000 {
		t.Errorf("%+v", s)
	}
}

func BenchmarkAdd(b *testing.B) {
	l := New(b.TempDir(), wide, slog.New(slog.DiscardHandler))
	defer l.Close()
	one := line(1, time.Now(), 200, strings.Repeat(" ", 300))
	b.ReportAllocs()
	for b.Loop() {
		l.Add(one)
	}
}

// What compression adds to a line.
func BenchmarkCompress(b *testing.B) {
	var lines []byte
	for i := range 20_000 {
		lines = append(lines, line(i, time.Unix(1_800_000_000, int64(i)*1e6), 200, fmt.Sprintf(`,"ms":%d.%d,"prompt_tokens":%d,"attempts":[{"provider":"p%d","upstream_model":"gpt-5.2","status":200,"began_ms":0.1,"ms":%d}]`, i%977, i%10, i*31%9973, i%5, i*7919%5003))...)
	}
	dir := b.TempDir()
	name := prefix + "20260101T000000.000000Z" + plain
	for kind, bodies := range map[string]bool{"metadata": false, "bodies": true} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if err := os.WriteFile(filepath.Join(dir, name), lines, 0o600); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				s := &file{name: name}
				if err := compress(dir, s, bodies); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(lines))/float64(s.size), "times-smaller")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/line")
		})
	}
}

// A process that ends within a line leaves a part of one, however long, which is not kept.
func TestCompressKeepsWholeLinesAlone(t *testing.T) {
	one := line(1, time.Now(), 200, strings.Repeat(" ", 300))
	for name, rest := range map[string]string{"nothing": "", "a part": "{\"time", "a long part": strings.Repeat("x", 3*scanned), "a part as long as what is read at once": strings.Repeat("x", scanned)} {
		for _, before := range [][]byte{nil, one, bytes.Repeat(one, 1000)} {
			dir := t.TempDir()
			s := &file{name: prefix + "20260101T000000.000000Z" + plain}
			if err := os.WriteFile(filepath.Join(dir, s.name), append(bytes.Clone(before), rest...), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := compress(dir, s, len(before) > len(one)); err != nil || !s.compressed {
				t.Fatal(name, err)
			}
			if info, err := os.Stat(filepath.Join(dir, s.name)); err != nil || info.Size() != s.size {
				t.Errorf("%s: it says %d bytes: %v %v", name, s.size, info, err)
			}
			kept, err := read(dir, s, nil)
			if err != nil || !bytes.Equal(kept, before) {
				t.Errorf("%s behind %d bytes: %d bytes are kept: %v", name, len(before), len(kept), err)
			}
		}
	}
}

func FuzzSearch(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-01T00:00:00Z","id":"a","status":200}`+"\n"), "", 1)
	f.Fuzz(func(t *testing.T, content []byte, from string, limit int) {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, prefix+"20260101T000000.000000Z"+plain), content, 0o600)
		seen := 0
		for range 1000 {
			p, err := Search(context.Background(), dir, Query{From: from, Limit: max(limit, 1)})
			if err != nil || p.Next == "" {
				return
			}
			if seen += len(p.Found); len(p.Found) == 0 && p.Next == from || seen > len(content) {
				t.Fatalf("no end: %q", p.Next)
			}
			from = p.Next
		}
	})
}
