package entry

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"uniapi/server/conn"
)

// coding undoes one content encoding of one body.
type coding interface {
	// open begins to read the plain form, from its start each time.
	open(body []byte) (io.Reader, error)
	// fill appends the plain form to dst, which has room for it.
	fill(dst, body []byte) ([]byte, error)
	// close ends the use of the decoder, if there was one.
	close()
	// state is what an open decoder takes, in bytes; stateBeside what fill does beside dst.
	state() int
	stateBeside() int
}

// codingOf finds the coding by the name that HTTP has for it, and looks into the
// body for what it will take.
func codingOf(encoding string, body []byte) (coding, error) {
	switch encoding {
	case "gzip", "x-gzip":
		return new(gzipped), nil
	case "br":
		return &brotlied{window: brotliWindow(body)}, nil
	case "zstd":
		return &zstandard{window: zstdWindow(body)}, nil
	}
	return nil, ErrEncoding
}

// keptWindow is how large the window of a decoder may be that is kept for other
// bodies.
const keptWindow = 2 << 20

// read is fill for a coding whose decoder can only be read from.
func read(c coding, dst, body []byte) ([]byte, error) {
	plain, err := c.open(body)
	if err != nil {
		return nil, err
	}
	for {
		var beyond [1]byte // to see the end behind a full buffer
		into := dst[len(dst):cap(dst)]
		if len(into) == 0 {
			into = beyond[:]
		}
		n, err := plain.Read(into)
		if len(dst)+n > cap(dst) {
			return dst, conn.ErrTooLarge
		}
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// eof is a body that has ended.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

type gzipped struct{ z *gzip.Reader }

var gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}

func (g *gzipped) open(body []byte) (io.Reader, error) {
	if g.z == nil {
		g.z = gzips.Get().(*gzip.Reader)
	}
	return g.z, g.z.Reset(bytes.NewReader(body))
}

func (g *gzipped) close() {
	if g.z != nil {
		g.z.Reset(eof{}) // so that it lets go of the body
		gzips.Put(g.z)
	}
}

func (g *gzipped) fill(dst, body []byte) ([]byte, error) { return read(g, dst, body) }

// gzipState is a window of 32 KB and the tables.
const gzipState = 96 << 10

func (g *gzipped) state() int       { return gzipState }
func (g *gzipped) stateBeside() int { return gzipState }

type brotlied struct {
	window int
	b      *brotli.Reader
}

var brotlis = sync.Pool{New: func() any { return brotli.NewReader(nil) }}

// brotliWindow reads the size of the window: RFC 7932, section 9.1.
func brotliWindow(body []byte) int {
	if len(body) == 0 || body[0]&1 == 0 {
		return 1 << 16
	}
	if n := body[0] >> 1 & 7; n != 0 {
		return 1 << (17 + n)
	}
	if n := body[0] >> 4 & 7; n != 0 {
		return 1 << (8 + n)
	}
	return 1 << 17
}

func (b *brotlied) open(body []byte) (io.Reader, error) {
	if b.b == nil {
		b.b = brotlis.Get().(*brotli.Reader)
	}
	return b.b, b.b.Reset(bytes.NewReader(body))
}

func (b *brotlied) close() {
	if b.b != nil && b.window <= keptWindow {
		b.b.Reset(eof{})
		brotlis.Put(b.b)
	}
}

func (b *brotlied) fill(dst, body []byte) ([]byte, error) { return read(b, dst, body) }

// brotliState is what a decoder has beside its window: the tables.
const brotliState = 128 << 10

func (b *brotlied) state() int       { return b.window + brotliState }
func (b *brotlied) stateBeside() int { return b.window + brotliState }

// zstandard is zstd.
type zstandard struct {
	window int
	z      *zstd.Decoder
}

const (
	// maxWindow is the largest window that HTTP has for zstd: RFC 9659, section 3.
	maxWindow = 8 << 20
	// zstdState is what a decoder has beside its window: two blocks and the tables.
	zstdState = 512 << 10
)

var zstds = sync.Pool{New: func() any {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil { // of options that are constants: never
		panic(err)
	}
	return z
}}

// zstdWindow reads the largest window of a body's frames, as far as their heads can be found without decoding: that of
// the first. Others may have no larger one.
func zstdWindow(body []byte) int {
	var h zstd.Header
	for len(body) > 0 {
		if h.Decode(body) != nil {
			break
		}
		if !h.Skippable {
			window := h.WindowSize
			if h.SingleSegment {
				window = h.FrameContentSize
			}
			return int(min(max(window, zstd.MinWindowSize), maxWindow))
		}
		body = body[min(h.HeaderSize+int(h.SkippableSize), len(body)):]
	}
	return maxWindow
}

func (z *zstandard) open(body []byte) (io.Reader, error) {
	if z.z == nil {
		z.z = zstds.Get().(*zstd.Decoder)
	}
	return z.z, z.z.ResetWithOptions(bytes.NewReader(body), zstd.WithDecoderMaxWindow(uint64(z.window)))
}

func (z *zstandard) close() {
	if z.z != nil && z.window <= keptWindow {
		z.z.Reset(nil)
		zstds.Put(z.z)
	}
	z.z = nil
}

// fill needs no window, since what is decoded is one itself: the decoder that has
// one goes first.
func (z *zstandard) fill(dst, body []byte) ([]byte, error) {
	z.close()
	if _, err := z.open(nil); err != nil {
		return nil, err
	}
	return z.z.DecodeAll(body, dst)
}

// widen says whether it may go better with the largest window: when a later
// frame wants more than the first.
func (z *zstandard) widen(err error) bool {
	if z.window == maxWindow || !errors.Is(err, zstd.ErrWindowSizeExceeded) && !errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return false
	}
	z.window = maxWindow
	return true
}

func (z *zstandard) state() int       { return z.window + zstdState }
func (z *zstandard) stateBeside() int { return zstdState }
