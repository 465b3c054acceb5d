package pool

import (
	"bufio"
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

// decodeInPieces feeds body in pieces of the given size and returns what it decodes to and how much of it was used.
func decodeInPieces(body []byte, size int) (data []byte, used int, done bool, err error) {
	var d chunkDecoder
	d.reset(16 << 10)
	for used < len(body) && !d.done() && err == nil {
		piece := bytes.Clone(body[used:min(used+size, len(body))])
		var p []byte
		var n int
		p, n, err = d.decode(piece)
		data = append(data, p...)
		used += n
	}
	return data, used, d.done(), err
}

func TestChunksDecodeTheSameHoweverTheyAreSplit(t *testing.T) {
	for _, tt := range []struct {
		name, body, want string
		rest             int // bytes behind the end
		done             bool
		err              error
	}{
		{name: "one", body: "5\r\nhello\r\n0\r\n\r\n", want: "hello", done: true},
		{name: "none", body: "0\r\n\r\n", done: true},
		{name: "several, in both cases of hex", body: "1\r\na\r\nB\r\nbcdefghijkl\r\nb\r\nbcdefghijkl\r\n0\r\n\r\n", want: "abcdefghijklbcdefghijkl", done: true},
		{name: "leading zeros", body: "0005\r\nhello\r\n000\r\n\r\n", want: "hello", done: true},
		{name: "blanks, as some servers pad", body: "5  \r\nhello\r\n0 ; x\r\n\r\n", want: "hello", done: true},
		{name: "an extension", body: "5;name=\"va lue\"\r\nhello\r\n0\r\n\r\n", want: "hello", done: true},
		{name: "trailers", body: "0\r\nA: 1\r\nB:\r\n\r\n", done: true},
		{name: "bytes behind", body: "1\r\na\r\n0\r\n\r\nHTTP", want: "a", rest: 4, done: true},
		{name: "data that looks like framing", body: "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", want: "\r\n0\r\n\r\n", done: true},
		{name: "no size", body: "\r\n", err: errChunkSize},
		{name: "a size that is no number", body: "1\r\na\r\n0x5\r\n", want: "a", err: errChunkSize},
		{name: "a size behind a blank", body: " 5\r\nhello", err: errChunkSize},
		{name: "two sizes", body: "5 5\r\nhello", err: errChunkSize},
		{name: "a bare LF behind the size", body: "5\nhello", err: errChunkSize},
		{name: "a bare LF in the extension", body: "5;a\nhello", err: errChunkSize},
		{name: "a bare CR", body: "5\rhello", err: errChunkSize},
		{name: "a longer chunk than announced", body: "2\r\nhello", want: "he", err: errChunkEnd},
		{name: "a bare LF behind the chunk", body: "2\r\nhe\n0\r\n\r\n", want: "he", err: errChunkEnd},
		{name: "a size beyond any", body: "fffffffffffffffff\r\n", err: errChunkTooBig},
		{name: "a bare LF at the end", body: "0\r\n\n", err: errTrailerLine},
		{name: "a bare LF in a trailer", body: "0\r\nA: 1\n\r\n", err: errTrailerLine},
		{name: "an endless size line", body: "1" + strings.Repeat(" ", 5000), err: errChunkLine},
		{name: "endless trailers", body: "0\r\n" + strings.Repeat("A: 1\r\n", 5000), err: errTrailerLimit},
		{name: "a cut", body: "5\r\nhel", want: "hel"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.body); size++ {
				data, used, done, err := decodeInPieces([]byte(tt.body), size)
				if string(data) != tt.want || done != tt.done || err != tt.err {
					t.Fatalf("pieces of %d: %q, done %v, %v; want %q, %v, %v", size, data, done, err, tt.want, tt.done, tt.err)
				}
				if tt.err == nil && used != len(tt.body)-tt.rest {
					t.Fatalf("pieces of %d: %d of %d bytes used, want all but %d", size, used, len(tt.body), tt.rest)
				}
				if size > 100 {
					break
				}
			}
		})
	}
}

// FuzzChunks compares with the standard library's reader, which stops before the trailers and limits extensions
// otherwise.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), uint8(1))
	f.Add([]byte("5;a=b\r\nhello\r\n0;c\r\nA: 1\r\n\r\nrest"), uint8(7))
	f.Add([]byte("0005 \r\nhello\r\n3\r\nabc\r\n0\r\n\r\n"), uint8(3))
	f.Add([]byte("ffffffffffffffff\r\nx"), uint8(100))
	f.Add([]byte("1\r\na\n"), uint8(2))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		data, used, done, err := decodeInPieces(body, int(size)+1)
		if len(data) > len(body) || used > len(body) {
			t.Fatalf("%d bytes gave %d, used %d", len(body), len(data), used)
		}
		if whole, usedWhole, doneWhole, errWhole := decodeInPieces(body, len(body)+1); !bytes.Equal(whole, data) || usedWhole != used || doneWhole != done || errWhole != err {
			t.Fatalf("in pieces %q %d %v %v, as a whole %q %d %v %v", data, used, done, err, whole, usedWhole, doneWhole, errWhole)
		}
		rest := bytes.NewReader(body)
		buffered := bufio.NewReader(rest)
		want, refErr := io.ReadAll(httputil.NewChunkedReader(buffered))
		inTrailer := err == errTrailerLine || err == errTrailerLimit
		switch {
		case refErr == nil && !bytes.Equal(data, want):
			t.Fatalf("%q, the reference gives %q", data, want)
		case refErr == nil && err != nil && !inTrailer:
			t.Fatalf("%v, but valid to the reference", err)
		case refErr == nil && done && !bytes.HasSuffix(body[:used], []byte("\r\n")):
			t.Fatalf("ends at %d without CRLF", used)
		case refErr == io.ErrUnexpectedEOF && done:
			t.Fatalf("done, but cut to the reference")
		case !bytes.HasPrefix(data, want) && !bytes.HasPrefix(want, data):
			t.Fatalf("%q, the reference gives %q (%v)", data, want, refErr)
		}
	})
}
