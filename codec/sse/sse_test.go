package sse

import (
	"slices"
	"strings"
	"testing"
)

// blocks cuts a stream, given in pieces of n bytes, at its event boundaries.
func blocks(stream string, n int) (out []string, rest string) {
	var b Boundary
	var held []byte
	scanned := 0
	for piece := range slices.Chunk([]byte(stream), n) {
		held = append(held, piece...)
		for {
			end, seen := b.Find(held[scanned:])
			if end < 0 {
				scanned += seen
				break
			}
			out = append(out, string(held[:scanned+end]))
			held = held[scanned+end:]
			scanned = 0
		}
	}
	return out, string(held)
}

func TestEventsAreFoundWhateverTheLineEndsAndTheSplits(t *testing.T) {
	for _, c := range []struct {
		stream string
		want   []string
		rest   string
	}{
		{"data: 1\n\ndata: 2\n\n", []string{"data: 1\n\n", "data: 2\n\n"}, ""},
		{"data: 1\r\n\r\ndata: 2\r\n\r\n", []string{"data: 1\r\n\r\n", "data: 2\r\n\r\n"}, ""},
		{"data: 1\r\rdata: 2\r\r", []string{"data: 1\r\r", "data: 2\r\r"}, ""},
		{"data: 1\r\r\ndata: 2\n\r", []string{"data: 1\r\r", "\n"}, "data: 2\n\r"},
		{"data: 1\n\r\ndata: 2\r\n\n", []string{"data: 1\n\r\n", "data: 2\r\n\n"}, ""},
		{"event: x\ndata: 1\ndata: 2\n\n: c\n\n", []string{"event: x\ndata: 1\ndata: 2\n\n", ": c\n\n"}, ""},
		{"\n\ndata: 1\n\n", []string{"\n", "\n", "data: 1\n\n"}, ""},
		{"data: 1\n\ndata: 2\n", []string{"data: 1\n\n"}, "data: 2\n"},
		{"data: 1", nil, "data: 1"},
	} {
		for n := 1; n <= len(c.stream); n++ {
			got, rest := blocks(c.stream, n)
			if !slices.Equal(got, c.want) || rest != c.rest {
				t.Errorf("%q by %d: got %q and %q", c.stream, n, got, rest)
			}
		}
	}
}

func TestLoneCREndsAnEventAtOnceIfTheStreamUsesThem(t *testing.T) {
	var b Boundary
	if end, _ := b.Find([]byte("data: 1\r\r")); end != 9 {
		t.Errorf("lone CRs: %d", end)
	}
	b = Boundary{}
	if end, scanned := b.Find([]byte("data: 1\r\n\r")); end != -1 || scanned != 9 {
		t.Errorf("half a CRLF: %d, %d", end, scanned)
	}
}

func TestParseReadsTheFields(t *testing.T) {
	for _, c := range []struct{ block, name, data, foreign string }{
		{"data: {\"a\":1}\n\n", "", `{"a":1}`, ""},
		{"data:{}\r\n\r\n", "", `{}`, ""},
		{"data:  two spaces\n", "", " two spaces", ""},
		{"event: error\nid: 7\nretry: 5\ndata: 1\ndata:2\rdata\n\n", "error", "1\n2\n", ""},
		{": comment\n\n", "", "", ""},
		{"data: 1", "", "1", ""},
		{"<html>\n<body>x</body>\n", "", "", "<html>\n<body>x</body>\n"},
		{"{\n  \"error\": 1\n}\n", "", "", "{\n  \"error\": 1\n}\n"},
		{"unknown-field: x\nplain\n\n", "", "", ""},
	} {
		var join []byte
		e := Parse([]byte(c.block), &join)
		if string(e.Name) != c.name || string(e.Data) != c.data || string(e.Foreign) != c.foreign {
			t.Errorf("%q: got %q %q %q", c.block, e.Name, e.Data, e.Foreign)
		}
	}
}

func FuzzBoundary(f *testing.F) {
	f.Add("data: 1\n\n: c\r\n\r\ndata\r\r\n", byte(3))
	f.Fuzz(func(t *testing.T, stream string, n byte) {
		if n == 0 {
			return
		}
		pieces, rest := blocks(stream, int(n))
		if got := strings.Join(pieces, "") + rest; got != stream {
			t.Fatalf("bytes were lost: %q", got)
		}
		if whole, wholeRest := blocks(stream, len(stream)+1); !slices.Equal(pieces, whole) || rest != wholeRest {
			t.Fatalf("%q and %q in pieces of %d, %q and %q whole", pieces, rest, n, whole, wholeRest)
		}
	})
}

func BenchmarkBoundary(b *testing.B) {
	event := []byte("data: " + strings.Repeat("x", 192) + "\n\n")
	b.ReportAllocs()
	for b.Loop() {
		var boundary Boundary
		if end, _ := boundary.Find(event); end != len(event) {
			b.Fatal(end)
		}
	}
}

func readAll(stream string, n int) (out []string, fits bool) {
	var r Reader
	r.Limit = 1 << 16
	fits = true
	for piece := range slices.Chunk([]byte(stream), n) {
		fits = r.Push(piece) && fits
		var events []Event
		for e, ok := r.Next(); ok; e, ok = r.Next() {
			events = append(events, e)
		}
		for _, e := range events { // all are valid until the next Push
			out = append(out, string(e.Name)+"/"+string(e.Data))
		}
		clear(piece)
	}
	if e, ok := r.Rest(); ok {
		out = append(out, string(e.Name)+"/"+string(e.Data))
	}
	return out, fits
}

func TestReaderGivesWholeEventsWhateverTheSplits(t *testing.T) {
	stream := ": c\n\ndata: 1\ndata: 2\n\nevent: x\r\ndata:3\r\n\r\n\n\ndata: 4\ndata: 5\n\ndata: " + strings.Repeat("z", 5000) + "\n\ndata: rest"
	want := []string{"/1\n2", "x/3", "/4\n5", "/" + strings.Repeat("z", 5000), "/rest"}
	for n := 1; n < len(stream); n = n*3/2 + 1 {
		if got, fits := readAll(stream, n); !slices.Equal(got, want) || !fits {
			t.Errorf("by %d: got %q", n, got)
		}
	}
	if _, fits := readAll("data: "+strings.Repeat("z", 1<<18), 1000); fits {
		t.Error("an event over the limit was taken")
	}
}

func TestEventsAreWrittenToBeReadBack(t *testing.T) {
	out := AppendComment(nil, "alive")
	out = AppendData(out, "{}")
	out = AppendEvent(out, "ping", []byte("a\nb"))
	if want := ": alive\n\ndata: {}\n\nevent: ping\ndata: a\ndata: b\n\n"; string(out) != want {
		t.Errorf("got %q", out)
	}
	if got, _ := readAll(string(out), 3); !slices.Equal(got, []string{"/{}", "ping/a\nb"}) {
		t.Errorf("read back %q", got)
	}
}
