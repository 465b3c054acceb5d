package conn

import (
	"bytes"
	"errors"
	"io"
)

// Malformed says why a connection's bytes are refused, as the client is told.
type Malformed string

func (m Malformed) Error() string { return string(m) }

// framing follows the requests of one connection, as they come, ahead of
// fasthttp, and lets nothing pass that another HTTP parser may frame in another
// way: whoever stands in front (a load balancer, a filter) must see the same
// requests as this gateway, or one can be hidden in another. fasthttp takes bare
// LF, folded lines, a length beside chunks, and trailers as headers.
//
// The zero value is at the beginning of a connection.
type framing struct {
	part    part
	left    int64  // bytes of the body, or of the chunk
	line    int    // bytes of the chunk's line
	partial []byte // what there is of a head that came in pieces; nil most of the time
	refused error  // a Malformed, once there was one
	most    int64  // bytes that a body may announce; 0 is any number
	over    []byte // the head of a request that has announced more; nil if none has
}

// part is what of a request comes next.
type part uint8

const (
	partHead part = iota
	partBody
	partChunkSize   // at the first digit
	partChunkDigits // within them
	partChunkExtension
	partChunkLF
	partChunkData
	partChunkEnd   // at the CR behind the data
	partChunkEndLF // at the LF behind it
	partLastCR     // at the empty line behind the last chunk
	partLastLF
	partRest // a head too long to be read: fasthttp refuses it
)

// MaxHead is the longest head of a request, in bytes.
const MaxHead = 16 << 10

// ErrTooLarge is that a body is larger than may be.
var ErrTooLarge = errors.New("larger than allowed")

const (
	// maxChunkLine is the longest line of a chunk's size. Extensions are ignored,
	// and nobody sends any.
	maxChunkLine = 256
	// maxChunkDigits keeps a chunk's size below what overflows.
	maxChunkDigits = 15
)

// read reads on. Once something was refused, there is nothing more to read. Of a
// body that is too large, what came with the head is read, and nothing is waited for.
func (f *framing) read(from io.Reader, p []byte) (int, error) {
	if f.refused != nil {
		return 0, f.refused
	}
	if f.over != nil {
		return 0, ErrTooLarge
	}
	n, err := from.Read(p)
	if n > 0 {
		if n, f.refused = f.follow(p[:n]); n == 0 {
			return 0, f.refused
		}
	}
	return n, err
}

// follow looks at what has been read and returns how much of it may be handed
// on, all if nothing is wrong with it.
func (f *framing) follow(p []byte) (int, error) {
	for i := 0; i < len(p); {
		begins := f.part == partHead && len(bytes.TrimLeft(f.partial, "\r\n")) == 0
		n, err := f.step(p[i:])
		if err != nil {
			if begins { // fasthttp answers only what it has begun to read
				p[i] = '?'
				i++
			}
			return i, err
		}
		i += n
	}
	return len(p), nil
}

// step takes up what it can of p, at least a byte.
func (f *framing) step(p []byte) (int, error) {
	switch f.part {
	case partHead:
		return f.head(p)
	case partBody, partChunkData:
		n := min(int64(len(p)), f.left)
		if f.left -= n; f.left == 0 {
			if f.part++; f.part == partBody+1 {
				f.part = partHead
			}
		}
		return int(n), nil
	case partRest:
		return len(p), nil
	}
	return 1, f.chunked(p[0])
}

// head takes up a head, or what there is of it.
func (f *framing) head(p []byte) (int, error) {
	if f.partial == nil {
		h, err := readHead(p)
		if err != nil {
			return 0, err
		}
		if h.size > 0 {
			f.begin(h, p)
			return h.size, nil
		}
	}
	return f.pieces(p)
}

// pieces collects a head that comes in pieces.
func (f *framing) pieces(p []byte) (int, error) {
	before := len(f.partial)
	f.partial = append(f.partial, p[:min(len(p), MaxHead+1-before)]...)
	from := max(before-len("\r\n\r"), 0)
	if bareLF(f.partial, before) {
		return 0, errBareLF
	}
	if bytes.Contains(f.partial[from:], []byte("\r\n\r\n")) {
		h, err := readHead(f.partial)
		if err != nil {
			return 0, err
		}
		if h.size > 0 {
			f.begin(h, f.partial)
			f.partial = nil
			return h.size - before, nil
		}
	}
	if len(f.partial) > MaxHead {
		f.partial, f.part = nil, partRest
	}
	return len(p), nil
}

// bareLF says whether a line that ends behind from ends without CR.
func bareLF(p []byte, from int) bool {
	for {
		i := bytes.IndexByte(p[from:], '\n')
		if i < 0 {
			return false
		}
		if from += i + 1; from < 2 || p[from-2] != '\r' {
			return true
		}
	}
}

// begin goes on to what follows a head, with which text begins.
func (f *framing) begin(h head, text []byte) {
	switch {
	case h.chunked:
		f.part = partChunkSize
	case h.length > 0:
		f.part, f.left = partBody, h.length
		if f.most > 0 && h.length > f.most {
			f.over = bytes.TrimLeft(bytes.Clone(text[:h.size]), "\r\n")
		}
	}
}

const (
	errBareLF     Malformed = "a line ends without CR"
	errChunkSize  Malformed = "the size of a chunk is malformed"
	errChunkLine  Malformed = "the line of a chunk's size is too long"
	errChunkEnd   Malformed = "a chunk is longer or shorter than it says"
	errHasTrailer Malformed = "there are trailers behind the body, which are not taken here"
)

// chunked takes one byte of what is between the data of chunks.
func (f *framing) chunked(b byte) error {
	switch f.part {
	case partChunkSize, partChunkDigits, partChunkExtension:
		if f.line++; f.line > maxChunkLine {
			return errChunkLine
		}
		return f.chunkLine(b)
	case partChunkLF:
		if b != '\n' {
			return errChunkSize
		}
		if f.part, f.line = partChunkData, 0; f.left == 0 {
			f.part = partLastCR
		}
		return nil
	case partLastCR:
		if b != '\r' {
			return unlessLF(b, errHasTrailer)
		}
		f.part = partLastLF
		return nil
	}
	// What is left is the CRLF behind the data, and the last one.
	want := byte('\n')
	if f.part == partChunkEnd {
		want = '\r'
	}
	if b != want {
		return unlessLF(b, errChunkEnd)
	}
	switch f.part {
	case partChunkEnd:
		f.part = partChunkEndLF
	case partChunkEndLF:
		f.part = partChunkSize
	case partLastLF:
		f.part = partHead
	}
	return nil
}

// chunkLine takes one byte of the line that says how long a chunk is.
func (f *framing) chunkLine(b byte) error {
	if f.part != partChunkExtension {
		if digit, is := hexDigit(b); is {
			if f.line > maxChunkDigits {
				return errChunkSize
			}
			f.part, f.left = partChunkDigits, f.left<<4|digit
			return nil
		}
		if f.part == partChunkSize {
			return unlessLF(b, errChunkSize)
		}
	}
	switch {
	case b == '\r':
		f.part = partChunkLF
	case b == ';' && f.part == partChunkDigits:
		f.part = partChunkExtension
	case f.part != partChunkExtension || b != '\t' && (b < ' ' || b == 0x7f):
		return unlessLF(b, errChunkSize)
	}
	return nil
}

func hexDigit(b byte) (int64, bool) {
	switch {
	case b >= '0' && b <= '9':
		return int64(b - '0'), true
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int64(b|0x20-'a') + 10, true
	}
	return 0, false
}
