package server

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"uniapi/server/budget"
	"uniapi/server/conn"
	"uniapi/server/entry"
)

// compressed is text in one of the encodings that requests may come in.
func compressed(t testing.TB, encoding, text string) string {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&out)
	case "br":
		w = brotli.NewWriterLevel(&out, brotli.BestSpeed)
	case "zstd":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	default:
		return text
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCompressedRequestsAreInflated(t *testing.T) {
	up := listen(t, both)
	g := start(t, providerOf("p", up))
	long := strings.Replace(plainRequest, "hi", strings.Repeat("hello ", 100_000), 1)
	for _, c := range []struct{ name, encoding, announced string }{
		{"gzip", "gzip", "gzip"},
		{"gzip by its old name", "x-gzip", "x-gzip"},
		{"gzip in another case", "gzip", "GZIP"},
		{"brotli", "br", "br"},
		{"zstd", "zstd", "zstd"},
		{"gzip that nobody announced", "gzip", ""},
		{"zstd that nobody announced", "zstd", ""},
		{"gzip announced as zstd", "gzip", "zstd"},
		{"zstd announced as identity", "zstd", "identity"},
		{"plain text announced as identity", "", "identity"},
		{"plain text with an empty announcement", "", ""},
	} {
		for _, request := range []string{plainRequest, streamRequest, long} {
			header := []string{}
			if c.announced != "" {
				header = []string{"Content-Encoding", c.announced}
			}
			if a := g.chat(compressed(t, c.encoding, request), header...); a.StatusCode != 200 {
				t.Fatalf("%s: %d %s", c.name, a.StatusCode, a.body)
			}
			all := up.requests()
			got := all[len(all)-1]
			// The gateway adds stream_options to a stream; the rest is the client's.
			if end := request[len(`{"model":"m"`):]; !strings.HasSuffix(strings.TrimSuffix(got.body, "}"), strings.TrimSuffix(end, "}")) && request != streamRequest {
				t.Errorf("%s: the upstream got %d bytes, %.100q", c.name, len(got.body), got.body)
			}
			if got.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: the upstream is told of an encoding", c.name)
			}
		}
	}
}

func TestBodiesThatCannotBeInflatedAreRefused(t *testing.T) {
	up := listen(t, both)
	g := startWith(t, Options{MaxBody: 1 << 20}, providerOf("p", up))
	gz, zs, br := compressed(t, "gzip", plainRequest), compressed(t, "zstd", plainRequest), compressed(t, "br", plainRequest)
	for _, c := range []struct {
		name, encoding, body string
		status               int
		code                 string
	}{
		{"an unknown encoding", "compress", plainRequest, 415, "unsupported_encoding"},
		{"deflate", "deflate", plainRequest, 415, "unsupported_encoding"},
		{"several encodings", "gzip, br", "x" + plainRequest, 415, "unsupported_encoding"},
		{"gzip that is none", "gzip", plainRequest, 400, "bad_encoding"},
		{"brotli that is none", "br", plainRequest, 400, "bad_encoding"},
		{"zstd that is none", "zstd", plainRequest, 400, "bad_encoding"},
		{"gzip that is cut", "gzip", gz[:len(gz)/2], 400, "bad_encoding"},
		{"gzip without its check sum", "gzip", gz[:len(gz)-8], 400, "bad_encoding"},
		{"zstd that is cut", "zstd", zs[:len(zs)-4], 400, "bad_encoding"},
		{"brotli that is cut", "br", br[:len(br)/2], 400, "bad_encoding"},
		{"gzip with a damaged check sum", "gzip", gz[:len(gz)-5] + "\x00" + gz[len(gz)-4:], 400, "bad_encoding"},
		{"nothing announced as gzip", "gzip", "", 400, "bad_encoding"},
		{"gzip of what is no JSON", "gzip", compressed(t, "gzip", "hello"), 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.chat(c.body, "Content-Encoding", c.encoding).failure(t, c.status, c.code)
			if a := g.chat(gz, "Content-Encoding", "gzip"); a.StatusCode != 200 { // decoders are used again
				t.Errorf("the next request: %d %s", a.StatusCode, a.body)
			}
		})
	}
}

// The body of a compressed request lies in a buffer of the exchange, and must
// outlive the reading of an upstream's error.
func TestCompressedRequestIsSentWholeToEveryChannel(t *testing.T) {
	broken := listen(t, says(reply(500, jsonKind, `{"error":{"message":"`+strings.Repeat("broken ", 20)+`"}}`)))
	up := listen(t, both)
	g := start(t, providerOf("p", broken), providerOf("q", up))
	for _, encoding := range []string{"gzip", "br", "zstd"} {
		if a := g.chat(compressed(t, encoding, plainRequest), "Content-Encoding", encoding); a.StatusCode != 200 {
			t.Errorf("%s: %d %s", encoding, a.StatusCode, a.body)
		}
	}
	for _, r := range up.requests() {
		if r.body != plainRequest {
			t.Errorf("the second channel got %q", r.body)
		}
	}
}

// inflated is the plain form of a body, within limit bytes and as much memory.
func inflated(encoding string, body []byte, limit int, memory *budget.Budget) ([]byte, error) {
	var h budget.Holding
	h.Begin(memory, new(budget.Share))
	defer h.End()
	in := entry.Inflation{Encoding: encoding, Body: body, Limit: limit, Holding: &h}
	return in.Whole()
}

func TestLimitIsOnTheInflatedSize(t *testing.T) {
	plenty := budget.New(1 << 30)
	for _, limit := range []int{4 << 10, 700 << 10} { // in one pass, in two
		for _, encoding := range []string{"gzip", "br", "zstd"} {
			exact := strings.Repeat("x", limit)
			got, err := inflated(encoding, []byte(compressed(t, encoding, exact)), limit, plenty)
			if err != nil || string(got) != exact {
				t.Errorf("%s: %d bytes, %v", encoding, len(got), err)
			}
			if _, err := inflated(encoding, []byte(compressed(t, encoding, exact+"x")), limit, plenty); !errors.Is(err, conn.ErrTooLarge) {
				t.Errorf("%s: %v", encoding, err)
			}
		}
	}
	if plenty.Taken() != 0 {
		t.Errorf("%d bytes were not given back", plenty.Taken())
	}
}

func FuzzInflate(f *testing.F) {
	for _, encoding := range []string{"gzip", "br", "zstd"} {
		f.Add(encoding, []byte(compressed(f, encoding, plainRequest)))
		f.Add(encoding, []byte(compressed(f, encoding, strings.Repeat("hello ", 20<<10))))
	}
	f.Add("zstd", []byte("\x28\xb5\x2f\xfd\x00\xf8\x00\x00"))
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		const limit = 64 << 10
		memory := budget.New(64 << 20)
		out, err := inflated(encoding, body, limit, memory)
		if len(out) > limit || err != nil && out != nil {
			t.Errorf("%d bytes, %v", len(out), err)
		}
		if memory.Taken() != 0 {
			t.Errorf("%d bytes are left", memory.Taken())
		}
	})
}

// prose is text that comes down to about a third, as what people and models say
// does.
func prose(n int) string {
	rng := rand.New(rand.NewPCG(1, 2))
	var out strings.Builder
	for out.Len() < n {
		out.WriteString(strconv.FormatUint(rng.Uint64N(5000), 36))
		out.WriteString(" the of and ")
	}
	return out.String()[:n]
}
