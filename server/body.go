package server

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"

	"uniapi/codec"
)

// plainBody returns the request's body as JSON text: the client's own bytes, or
// inflated if they came compressed, for which buffer is taken. The limit is on
// the inflated size. Agents are known to compress without saying so, hence the look at the
// first bytes; no JSON text begins like that.
func (s *Server) plainBody(ctx *fasthttp.RequestCtx, buffer *[]byte) ([]byte, *codec.Error) {
	body := ctx.Request.Body()
	encoding := string(bytes.TrimSpace(ctx.Request.Header.ContentEncoding()))
	switch {
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		encoding = "gzip"
	case bytes.HasPrefix(body, []byte("\x28\xb5\x2f\xfd")):
		encoding = "zstd"
	}
	if encoding == "" || encoding == "identity" {
		return body, nil
	}
	inflated, err := inflate(encoding, body, *buffer, s.options.MaxBody)
	*buffer = nil // the request lies in it from now on
	switch {
	case errors.Is(err, errTooLarge):
		return nil, s.tooLarge()
	case errors.Is(err, errEncoding):
		return nil, errorf(fasthttp.StatusUnsupportedMediaType, "invalid_request_error", "unsupported_encoding",
			"Content-Encoding %q is not known here; gzip, br and zstd are.", encoding)
	case err != nil:
		return nil, errorf(fasthttp.StatusBadRequest, "invalid_request_error", "bad_encoding",
			"The request's body is not what its Content-Encoding %q says: %v", encoding, err)
	}
	return inflated, nil
}

var (
	errTooLarge = errors.New("larger than allowed")
	errEncoding = errors.New("unknown content encoding")
)

// inflate appends the plain form of body to dst[:0], at most limit bytes.
func inflate(encoding string, body, dst []byte, limit int) ([]byte, error) {
	source := bytes.NewReader(body)
	var plain io.Reader
	switch encoding {
	case "gzip", "x-gzip":
		z := gzips.Get().(*gzip.Reader)
		defer gzips.Put(z)
		if err := z.Reset(source); err != nil {
			return dst[:0], err
		}
		plain = z
	case "br":
		b := brotlis.Get().(*brotli.Reader)
		defer brotlis.Put(b)
		if err := b.Reset(source); err != nil {
			return dst[:0], err
		}
		plain = b
	case "zstd":
		z := zstds.Get().(*zstd.Decoder)
		defer zstds.Put(z)
		if err := z.Reset(source); err != nil {
			return dst[:0], err
		}
		plain = z
	default:
		return dst[:0], errEncoding
	}
	out := bytes.NewBuffer(dst[:0])
	if _, err := out.ReadFrom(io.LimitReader(plain, int64(limit)+1)); err != nil {
		return out.Bytes(), err
	}
	if out.Len() > limit {
		return out.Bytes(), errTooLarge
	}
	return out.Bytes(), nil
}

// maxWindow is the most memory a zstd frame may ask for before any of it has
// been inflated; encoders use 8 MiB unless told to use more.
const maxWindow = 128 << 20

var (
	gzips   = sync.Pool{New: func() any { return new(gzip.Reader) }}
	brotlis = sync.Pool{New: func() any { return brotli.NewReader(nil) }}
	zstds   = sync.Pool{New: func() any {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil { // of options that are constants: never
			panic(err)
		}
		return z
	}}
)
