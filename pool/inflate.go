package pool

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// inflater undoes a Content-Encoding that an upstream uses although nobody asked for it. It gives out what is there as
// soon as it can be decoded, so events that are flushed one by one come out one by one; and in pieces of its buffer's
// size, however much a few bytes swell to.
type inflater struct {
	body *bodyReader
	open func(*inflater) (io.Reader, error)
	z    io.Reader // nil until the first byte of the body has come
	in   []byte    // of body.next, not yet used
	out  []byte
	err  error
}

// inflaterState is what a decompressor takes: its window of 32 KB, and its tables.
const inflaterState = 48 << 10

func newInflater(body *bodyReader, coding string) (*inflater, error) {
	f := &inflater{body: body}
	switch strings.ToLower(coding) {
	case "identity":
		return nil, nil
	case "gzip", "x-gzip":
		f.open = func(f *inflater) (io.Reader, error) { return gzip.NewReader(f) }
	case "deflate":
		f.open = openDeflate
	default:
		return nil, fmt.Errorf("content-encoding %q was not asked for and is not understood", clip([]byte(coding)))
	}
	return f, nil
}

// openDeflate looks whether the zlib header that the standard asks for is there; some servers leave it out.
func openDeflate(f *inflater) (io.Reader, error) {
	var header [2]byte
	if _, err := io.ReadFull(f, header[:1]); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(f, header[1:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	whole := io.MultiReader(bytes.NewReader(header[:]), f)
	if header[0]&0x0f == 8 && (int(header[0])<<8|int(header[1]))%31 == 0 {
		return zlib.NewReader(whole)
	}
	return flate.NewReader(whole), nil
}

// next is bodyReader.next behind the inflating.
func (f *inflater) next() ([]byte, error) {
	for f.err == nil {
		if f.z == nil {
			f.out = make([]byte, f.body.c.in.Size())
			if f.z, f.err = f.open(f); f.err != nil {
				break
			}
		}
		n, err := f.z.Read(f.out)
		f.err = err
		if n > 0 {
			return f.out[:n], nil
		}
	}
	return nil, f.finish()
}

// finish turns the inflater's error into the body's.
func (f *inflater) finish() error {
	if f.body.err != nil && f.body.err != io.EOF {
		return f.body.err
	}
	if f.err != io.EOF {
		f.body.err = &Error{Protocol, f.body.op(), fmt.Errorf("inflating it: %w", f.err)}
		return f.body.err
	}
	// The compressed data has ended; so must the body. Bytes behind it mean nothing, but the connection is not used
	// again.
	if _, err := f.body.next(); err == nil {
		f.body.c.keep = false
	}
	return io.EOF
}

// Read and ReadByte are where the decompressors get the body from; ReadByte keeps them from reading ahead.
func (f *inflater) Read(p []byte) (int, error) {
	if err := f.fill(); err != nil {
		return 0, err
	}
	n := copy(p, f.in)
	f.in = f.in[n:]
	return n, nil
}

func (f *inflater) ReadByte() (byte, error) {
	if err := f.fill(); err != nil {
		return 0, err
	}
	b := f.in[0]
	f.in = f.in[1:]
	return b, nil
}

func (f *inflater) fill() (err error) {
	if len(f.in) == 0 {
		f.in, err = f.body.next()
	}
	return err
}

var _ interface {
	io.Reader
	io.ByteReader
} = (*inflater)(nil)
