package sse

import (
	"slices"
	"strings"
	"testing"
)

// standardEvent is what the standard dispatches.
type standardEvent struct{ name, data, lastID string }

// standard reads a stream by the letter of the HTML standard's "Interpreting an event stream": its steps one by one, on
// the whole of it.
func standard(stream string) (dispatched []standardEvent, retry string) {
	stream = strings.TrimPrefix(stream, "\ufeff")
	var data, name, lastID string
	for stream != "" {
		end := strings.IndexAny(stream, "\r\n")
		if end < 0 {
			break // "Once the end of the file is reached, any pending data must be discarded."
		}
		line := stream[:end]
		if strings.HasPrefix(stream[end:], "\r\n") {
			end++
		}
		stream = stream[end+1:]
		if line == "" {
			if data != "" {
				dispatched = append(dispatched, standardEvent{name, strings.TrimSuffix(data, "\n"), lastID})
			}
			data, name = "", ""
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(line, ":") {
			continue // a comment
		}
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			data += value + "\n"
		case "id":
			if !strings.Contains(value, "\x00") {
				lastID = value
			}
		case "retry":
			if value != "" && strings.Trim(value, "0123456789") == "" {
				retry = value
			}
		}
	}
	return dispatched, retry
}

// ours reads a stream in pieces of n bytes as the gateway does.
func ours(stream string, n int) (dispatched []standardEvent) {
	var r Reader
	for piece := range slices.Chunk([]byte(stream), n) {
		r.Push(piece)
		for e, ok := r.Next(); ok; e, ok = r.Next() {
			if e.Lines > 0 {
				dispatched = append(dispatched, standardEvent{name: string(e.Name), data: string(e.Data)})
			}
		}
	}
	return dispatched
}

var standardStreams = []string{
	"data: YHOO\ndata: +2\ndata: 10\n\n",
	": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
	"data\n\ndata\ndata\n\ndata:\n",
	"data:test\n\ndata: test\n\n",
	"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
	"\ufeffdata: 1\n\n\ufeffdata: 2\n\ndata: 3\n\ufeffevent: x\n\n",
	"\ufeff\ufeffdata: 1\n\n", "\ufeff\n\ndata: 1\n\n", "\xef\xbb", "\xef\xbbdata: 1\n\n",
	"data: a\rdata: b\r\rdata: c\r\n\r\ndata: d\n\r\ndata: e\r\n\ndata: f\r\r\n", "\r\n\r\rdata: 1\n\r\n\r",
	"event: a\nevent: b\nevent\ndata: 1\n\nevent: lost\n\ndata: 2\n\n", "id: 1\n\nid: 2\x00\ndata: x\n\nid:\ndata: y\n\n",
	"retry: 5\nretry: x\nretry:\ndata: x\n\n", " data: x\n\ndata : y\n\nDATA: z\n\n", "data:x:y\n\n:data: x\n\n::\n\n", "data: \x00\n\n\x00data: 1\n\n",
	"data: unfinished\n", "data: unfinished", "data: 1\n\ndata: 2\r", "<html>\n\ndata: 1\n\n",
}

func TestEventsAreThoseOfTheStandard(t *testing.T) {
	for _, stream := range standardStreams {
		for n := 1; n <= len(stream)+1; n++ {
			compare(t, stream, n)
		}
	}
}

func FuzzStandard(f *testing.F) {
	for _, stream := range standardStreams {
		f.Add(stream, uint8(1))
		f.Add(stream, uint8(5))
	}
	f.Fuzz(func(t *testing.T, stream string, n uint8) { compare(t, stream, max(int(n), 1)) })
}

// compare holds both ways against each other. Ids and retries are of no use to a gateway.
func compare(t *testing.T, stream string, n int) {
	t.Helper()
	if strings.HasSuffix(stream, "\r") {
		stream += "\n" // whether one follows is known at the end only, which is not compared: Rest takes half an event too
	}
	want, _ := standard(stream)
	for i := range want {
		want[i].lastID = ""
	}
	if got := ours(stream, n); !slices.Equal(got, want) {
		t.Fatalf("%q by %d: read as %q, by the standard it is %q", stream, n, got, want)
	}
}

var lines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// FuzzAppendEvent writes an event between others, and holds that it is the one that the standard reads.
func FuzzAppendEvent(f *testing.F) {
	for _, c := range [][2]string{{"", "{}"}, {"ping", "a\nb"}, {"a\ndata: x", "a\r\n\rdata: b"}, {"\r", ""}, {" x", " y\n"}, {"\x00", "\ufeff"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, name, data string) {
		stream := AppendEvent(AppendComment(AppendData(nil, "before"), "alive"), name, data)
		got, _ := standard(string(AppendData(stream, []byte("behind"))))
		name, _, _ = strings.Cut(lines.Replace(name), "\n")
		want := []standardEvent{{data: "before"}, {name: name, data: lines.Replace(data)}, {data: "behind"}}
		if !slices.Equal(got, want) {
			t.Fatalf("read as %q, want %q", got, want)
		}
	})
}
