package requestlog

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// of is a line of a client key, which no compressor makes small.
func of(key string, i, length int) []byte {
	noise := make([]byte, length/2)
	rand.Read(noise)
	return line(i, time.Now(), 200, fmt.Sprintf(`,"key_id":%q,"error":"%x"`, key, noise))
}

// TestKeyThatFillsTheLogPushesOutItsOwn has one client key that sends so much that the log is full ten times over,
// and others that send little.
func TestKeyThatFillsTheLogPushesOutItsOwn(t *testing.T) {
	for _, test := range []struct {
		name   string
		bounds Bounds
		length int // of the lines of who fills it
		others []string
	}{
		{"many requests", Bounds{Keep: time.Hour, Most: 256 << 10}, 300, []string{"quiet"}},
		{"long requests", Bounds{Keep: time.Hour, Most: 1 << 20, Bodies: true}, 150 << 10, []string{"quiet", "another", ""}},
		{"of a log that is very small", Bounds{Keep: time.Hour, Most: 200 << 10}, 1000, []string{"quiet"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, test.bounds)
			sent := int64(0)
			for i, next := 0, int64(0); sent < 10*test.bounds.Most; i++ {
				if sent >= next {
					next += test.bounds.Most / 2
					for _, key := range test.others {
						l.Add(of(key, i, 300))
					}
				}
				one := of("loud", i, test.length)
				l.Add(one)
				sent += int64(len(one))
				if sent%(64<<10) < int64(len(one)) {
					l.Flush()
				}
			}
			l.Flush()
			for _, key := range test.others {
				if n := len(search(t, dir, Query{KeyID: key}).Found); key != "" && n != 20 {
					t.Errorf("%d of 20 requests of %s are left", n, key)
				}
			}
			if n := len(search(t, dir, Query{KeyID: "loud"}).Found); n == 0 {
				t.Error("the newest are not there")
			}
			if _, total := folder(t, dir); total > test.bounds.Most {
				t.Errorf("%d bytes are kept, and may be %d", total, test.bounds.Most)
			}
		})
	}
}

// folder is what lies there.
func folder(t *testing.T, dir string) (names []string, total int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		names, total = append(names, e.Name()), total+info.Size()
	}
	return names, total
}

// TestThinnedSegmentsAreBoundedInNumber has one key that is heard now and then for as long as thousands of segments.
func TestThinnedSegmentsAreBoundedInNumber(t *testing.T) {
	dir := t.TempDir()
	const most = 1 << 20
	l := &Log{dir: dir}
	var segments []file
	for i := range 6000 {
		segments = append(segments, file{name: fmt.Sprint("t", i), size: 1, thin: true})
	}
	segments = append(segments, file{name: "w", size: most})
	if err := l.makeRoom(segments, Bounds{Most: most}, most); err != nil {
		t.Fatal(err)
	}
	thin := 0
	for i := range segments {
		if segments[i].thin {
			thin++
		}
	}
	if thin > thinnedLeast/thinnedPart {
		t.Errorf("%d thinned segments are kept", thin)
	}
}

// A process that ended between writing a thinned segment and removing the whole one has the whole one read, once.
func TestSegmentThatIsThereTwiceIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	lines := append(of("a", 1, 100), bytes.Repeat(of("b", 2, 100), 10)...)
	name := filepath.Join(dir, prefix+"20260101T000000.000000Z"+plain)
	for _, left := range []string{plain, compressed} {
		if err := os.WriteFile(name, lines, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := list(dir)
		if err != nil || len(all) != 1 || all[0].thin {
			t.Fatal(all, err)
		}
		s := all[0]
		if left == compressed {
			if err := compress(dir, &s, false); err != nil {
				t.Fatal(err)
			}
		}
		whole, err := os.ReadFile(filepath.Join(dir, s.name))
		if err != nil {
			t.Fatal(err)
		}
		was := s.name
		if some, err := thinOut(dir, &s, false); !some || err != nil || !s.thin {
			t.Fatal(s, err)
		}
		if got := ids(search(t, dir, Query{})); got != "r1" {
			t.Errorf("thinned, it has %s", got)
		}
		if err := os.WriteFile(filepath.Join(dir, was), whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := len(search(t, dir, Query{}).Found); got != 11 {
			t.Errorf("there twice, it has %d lines", got)
		}
		old := file{name: strings.TrimSuffix(was, compressed) + plain} // who has listed it before
		if left == compressed {
			old = file{name: was, compressed: true}
		}
		if err := os.Remove(filepath.Join(dir, was)); err != nil {
			t.Fatal(err)
		}
		if left == plain {
			old.name = was
		}
		if kept, err := read(dir, &old, nil); err != nil || !bytes.Equal(kept, lines[:len(kept)]) || len(kept) == 0 {
			t.Errorf("who has listed it before reads %d bytes: %v", len(kept), err)
		}
		if err := os.Remove(filepath.Join(dir, s.name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinesAreThinnedByWhatTheirKeysHave(t *testing.T) {
	n := func(i tally) *tally { return &i }
	for _, test := range []struct {
		have map[string]*tally
		want string
	}{
		{nil, "map[]"},
		{map[string]*tally{"a": n(100)}, "map[]"},
		{map[string]*tally{"a": n(80), "b": n(20)}, "map[b:true]"},
		{map[string]*tally{"a": n(60), "b": n(40)}, "map[]"},
		{map[string]*tally{"a": n(70), "b": n(10), "c": n(12), "": n(8)}, "map[:true b:true]"},
	} {
		if got := fmt.Sprint(leastOf(test.have)); got != test.want {
			t.Errorf("%s, not %s", got, test.want)
		}
	}
	for text, want := range map[string]string{
		`{"id":"a","key":"k","key_id":"one","model":"m"}`:     "one",
		`{"id":"\",\"key_id\":\"two\"","key_id":"one","x":1}`: "one",
		`{"id":"\",\"key_id\":\"two\"","model":"m"}`:          "",
		`{"id":"a","key":"k","key_id":"it is cut`:             "it is cut",
		`no JSON`: "",
	} {
		if got := string(keyOf([]byte(text))); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// TestSearchTakesLittleMemoryWhateverLiesThere has segments of somebody else.
func TestSearchTakesLittleMemoryWhateverLiesThere(t *testing.T) {
	dir := t.TempDir()
	write := func(second int, text func() []byte) {
		s := file{name: fmt.Sprintf("%s20260101T0000%02d.000000Z%s", prefix, second, plain)}
		if err := os.WriteFile(filepath.Join(dir, s.name), text(), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := compress(dir, &s, false); err != nil {
			t.Fatal(err)
		}
	}
	write(0, func() []byte { return line(1, time.Now(), 200, "") })
	write(1, func() []byte { return append(bytes.Repeat([]byte{' '}, 40<<20), '\n') })
	write(2, func() []byte { return line(2, time.Now(), 200, `,"attempts":[`+strings.Repeat(`{},`, 4<<20)+`{}]`) })
	write(3, func() []byte { return line(3, time.Now(), 200, "") })
	var p Page
	if took := allocated(func() { p = search(t, dir, Query{}) }); took > 150<<20 {
		t.Errorf("a search took %d bytes", took)
	}
	if got := ids(p); got != "r3 r1" {
		t.Errorf("found %s", got)
	}
}

// A long line, as one with bodies is, leaves room to those without while the disk stands still.
func TestLongLinesThatWaitLeaveRoomToShortOnes(t *testing.T) {
	l := open(t, t.TempDir(), wide)
	l.disk.Lock()
	for range 20 {
		l.Add(of("loud", 1, 1<<20))
	}
	l.mu.Lock()
	before := l.state.Dropped
	l.mu.Unlock()
	for range 100 {
		l.Add(of("quiet", 2, 300))
	}
	l.mu.Lock()
	lost := l.state.Dropped - before
	l.mu.Unlock()
	l.disk.Unlock()
	if before == 0 || lost > 0 {
		t.Errorf("%d long and %d short ones were dropped", before, lost)
	}
	l.Flush()
}

func allocated(by func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	by()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
