package pool

import (
	"errors"
	"math"
)

// chunkDecoder decodes the chunked transfer coding in the buffer it arrived in. It keeps all its state between calls,
// so the input may be split anywhere, and it never leaves a byte of the body unconsumed. Lines must end in CRLF: a bare
// LF is where two parsers may disagree on the framing.
type chunkDecoder struct {
	state   chunkState
	left    int // bytes of the current chunk not yet seen
	line    int // bytes of the current size line
	trailer int // bytes of the trailer section
	limit   int // most bytes of a trailer section
}

type chunkState uint8

const (
	chunkSize      chunkState = iota // at the first digit of a size
	chunkSizeMore                    // within the digits
	chunkBlank                       // blanks behind the digits
	chunkExtension                   // behind a semicolon
	chunkSizeLF                      // at the LF of a size line
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart // at the first byte of a trailer line, or of the last, empty one
	trailerLine
	trailerLF // at the LF of a trailer line
	chunkedLF // at the very last LF
	chunkedEnd
)

const (
	// maxChunkLine bounds a size line with its extensions; nobody sends any.
	maxChunkLine = 4096
	// maxChunk is where adding another hex digit could overflow.
	maxChunk = math.MaxInt >> 4
)

var (
	errChunkSize    = errors.New("malformed chunk size")
	errChunkTooBig  = errors.New("chunk size overflows")
	errChunkLine    = errors.New("chunk size line is too long")
	errChunkEnd     = errors.New("chunk is not followed by CRLF")
	errTrailerLine  = errors.New("malformed trailer")
	errTrailerLimit = errors.New("trailers are too long")
)

func (d *chunkDecoder) reset(limit int) { *d = chunkDecoder{limit: limit} }

// done reports that the whole body, its trailers included, has been seen.
func (d *chunkDecoder) done() bool { return d.state == chunkedEnd }

// decode consumes used bytes of p: all of them unless the body ends within or err is set. data is what they decode to,
// as one piece of p: the pieces behind the first chunk are moved up to it. Data found before an error is returned with
// it.
func (d *chunkDecoder) decode(p []byte) (data []byte, used int, err error) {
	start, end := 0, 0 // of the decoded data in p
	i := 0
	for i < len(p) && d.state != chunkedEnd {
		if d.state == chunkData {
			n := min(d.left, len(p)-i)
			if end == start {
				start, end = i, i+n
			} else {
				end += copy(p[end:], p[i:i+n])
			}
			i += n
			d.left -= n
			if d.left == 0 {
				d.state = chunkDataCR
				if size, n := plainBoundary(p[i:]); n > 0 {
					d.left, d.state = size, chunkData
					i += n
				}
			}
			continue
		}
		if err := d.step(p[i]); err != nil {
			return p[start:end], i, err
		}
		i++
	}
	return p[start:end], i, nil
}

// plainBoundary reads what is between two chunks in nearly every stream, CRLF SIZE CRLF with a size of at most six
// digits, in one go. n is 0 for everything else, the last chunk included: that is for step.
func plainBoundary(p []byte) (size, n int) {
	if len(p) < 2 || p[0] != '\r' || p[1] != '\n' {
		return 0, 0
	}
	for n = 2; n < len(p) && n < 8; n++ {
		digit, ok := hexDigit(p[n])
		if !ok {
			break
		}
		size = size<<4 | digit
	}
	if size == 0 || n+1 >= len(p) || p[n] != '\r' || p[n+1] != '\n' {
		return 0, 0
	}
	return size, n + 2
}

// step takes one byte of what is between the data.
func (d *chunkDecoder) step(b byte) error {
	switch d.state {
	case chunkSize, chunkSizeMore, chunkBlank, chunkExtension, chunkSizeLF:
		d.line++
		if d.line > maxChunkLine {
			return errChunkLine
		}
		return d.sizeLine(b)
	case chunkDataCR:
		if b != '\r' {
			return errChunkEnd
		}
		d.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return errChunkEnd
		}
		d.state, d.line = chunkSize, 0
	default:
		d.trailer++
		if d.trailer > d.limit {
			return errTrailerLimit
		}
		return d.trailerByte(b)
	}
	return nil
}

func (d *chunkDecoder) sizeLine(b byte) error {
	switch {
	case d.state == chunkSizeLF:
		if b != '\n' {
			return errChunkSize
		}
		d.state = chunkData
		if d.left == 0 {
			d.state = trailerStart
		}
		return nil
	case d.state <= chunkSizeMore:
		if digit, ok := hexDigit(b); ok {
			if d.left > maxChunk {
				return errChunkTooBig
			}
			d.left = d.left<<4 | digit
			d.state = chunkSizeMore
			return nil
		}
		if d.state == chunkSize {
			return errChunkSize
		}
	}
	switch {
	case b == '\r':
		d.state = chunkSizeLF
	case b == '\n':
		return errChunkSize
	case d.state == chunkExtension:
	case b == ';':
		d.state = chunkExtension
	case b == ' ' || b == '\t':
		d.state = chunkBlank
	default:
		return errChunkSize
	}
	return nil
}

func (d *chunkDecoder) trailerByte(b byte) error {
	switch d.state {
	case trailerStart:
		switch b {
		case '\r':
			d.state = chunkedLF
		case '\n', ':':
			return errTrailerLine
		default:
			d.state = trailerLine
		}
	case trailerLine:
		switch b {
		case '\r':
			d.state = trailerLF
		case '\n':
			return errTrailerLine
		}
	case trailerLF, chunkedLF:
		if b != '\n' {
			return errTrailerLine
		}
		if d.state == chunkedLF {
			d.state = chunkedEnd
		} else {
			d.state = trailerStart
		}
	}
	return nil
}

func hexDigit(b byte) (int, bool) {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0'), true
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10, true
	}
	return 0, false
}
