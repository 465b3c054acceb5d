//go:build linux

package main

import (
	"errors"
	"strings"
	"testing"
)

const (
	plainHead   = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 5\r\n\r\n"
	chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
)

func TestAnswerIsWhole(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		body      int
		done      bool
	}{
		{"by its length", plainHead + "hello", 5, false},
		{"without a body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, false},
		{"in chunks", chunkedHead + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 11, false},
		{"in chunks with extensions and trailers", chunkedHead + "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", 5, false},
		{"ending in [DONE]", chunkedHead + "E\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", 14, true},
		{"ending in [DONE] in two chunks", chunkedHead + "a\r\ndata: [DON\r\n4\r\nE]\n\n\r\n0\r\n\r\n", 14, true},
		{"not ending in [DONE]", chunkedHead + "f\r\ndata: [DONE]\n\n\n\r\n0\r\n\r\n", 15, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.raw); size++ { // in pieces of every size
				var a answer
				for rest := tt.raw; rest != ""; {
					piece := rest[:min(size, len(rest))]
					rest = rest[len(piece):]
					ok, err := a.push([]byte(piece))
					if err != nil {
						t.Fatalf("pieces of %d: %v", size, err)
					}
					if ok != (rest == "") {
						t.Fatalf("pieces of %d: whole is %v with %d bytes to come", size, ok, len(rest))
					}
				}
				if a.body != tt.body || a.endsInDone() != tt.done {
					t.Fatalf("pieces of %d: body of %d bytes, [DONE] %v", size, a.body, a.endsInDone())
				}
			}
		})
	}
}

func TestAnswerThatIsNotOne(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		want      error // nil: any
	}{
		{"another status", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", nil},
		{"bytes after the end", plainHead + "hello!", errAfterEnd},
		{"no length", "HTTP/1.1 200 OK\r\n\r\n", errNoLength},
		{"bad length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", nil},
		{"bad chunk size", chunkedHead + "zz\r\n", errChunkSize},
		{"endless head", "HTTP/1.1 200 OK\r\n" + strings.Repeat("x", maxHead), errHeadTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a answer
			_, err := a.push([]byte(tt.raw))
			if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func FuzzAnswerIsTheSameInAnyPieces(f *testing.F) {
	f.Add([]byte(plainHead+"hello"), 3)
	f.Add([]byte(chunkedHead+"5\r\nhello\r\nE\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"), 7)
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		size = max(1, min(size, len(raw)))
		var once, pieces answer
		onceWhole, onceErr := once.push(raw)
		var whole bool
		var err error
		for rest := raw; len(rest) > 0 && err == nil; {
			n := min(size, len(rest))
			whole, err = pieces.push(rest[:n])
			rest = rest[n:]
		}
		if len(raw) > maxHead {
			return // how much of a line too long is looked at depends on the pieces
		}
		if (err == nil) != (onceErr == nil) || whole != onceWhole {
			t.Fatalf("at once: %v, %v; in pieces of %d: %v, %v", onceWhole, onceErr, size, whole, err)
		}
		if err == nil && (once.body != pieces.body || once.tail != pieces.tail) {
			t.Fatalf("at once: body of %d bytes; in pieces of %d: %d", once.body, size, pieces.body)
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	stream := []byte(chunkedHead + strings.Repeat("c8\r\n"+strings.Repeat("x", 200)+"\r\n", 50) + "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
	var a answer
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		a.reset()
		if ok, err := a.push(stream); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
