//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// answer follows one HTTP/1.1 answer through the pieces it arrives in, and
// checks no more than is needed to know that it is whole: the generator runs
// on the cores it measures.
type answer struct {
	phase   phase
	line    []byte // head, or chunk size line, that has arrived in part
	chunked bool
	left    int // bytes to come of the body or of the chunk, CRLF included

	body     int      // bytes of the body so far
	tail     [16]byte // the last bytes of the body
	counting bool     // events are to be counted
	events   int      // that are whole
}

type phase int

const (
	inHead phase = iota
	inBody
	inChunkSize
	inChunk
	inTrailer
	whole
)

// maxHead is the longest head and the longest chunk size line taken.
const maxHead = 16 << 10

var (
	errHeadTooLong = errors.New("head or chunk size line longer than 16 KiB")
	errNoLength    = errors.New("answer has neither a Content-Length nor chunks")
	errChunkSize   = errors.New("bad chunk size")
	errAfterEnd    = errors.New("bytes after the end of the answer")

	eventEnd = []byte("\n\n")
	doneMark = []byte("data: [DONE]\n\n")
)

// reset makes a ready for the next answer.
func (a *answer) reset() {
	*a = answer{line: a.line[:0]}
}

// endsInDone tells whether the last event of the body is [DONE].
func (a *answer) endsInDone() bool {
	return bytes.HasSuffix(a.tail[:], doneMark)
}

// push takes the next bytes. It returns true when the answer is whole.
func (a *answer) push(p []byte) (bool, error) {
	for len(p) > 0 {
		switch a.phase {
		case inHead:
			head, rest, ok, err := a.until(p, "\r\n\r\n")
			if !ok {
				return false, err
			}
			if err := a.readHead(head); err != nil {
				return false, err
			}
			p = rest
		case inBody:
			n := min(a.left, len(p))
			a.take(p[:n])
			p = p[n:]
			if a.left -= n; a.left == 0 {
				a.phase = whole
			}
		case inChunkSize:
			line, rest, ok, err := a.until(p, "\r\n")
			if !ok {
				return false, err
			}
			digits, _, _ := bytes.Cut(line[:len(line)-2], []byte(";"))
			size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
			if err != nil {
				return false, fmt.Errorf("%w: %q", errChunkSize, line)
			}
			a.phase, a.left = inChunk, int(size)+2
			if size == 0 {
				a.phase = inTrailer
			}
			p = rest
		case inChunk:
			n := min(a.left, len(p))
			if data := min(a.left-2, n); data > 0 {
				a.take(p[:data])
			}
			p = p[n:]
			if a.left -= n; a.left == 0 {
				a.phase = inChunkSize
			}
		case inTrailer:
			line, rest, ok, err := a.until(p, "\r\n")
			if !ok {
				return false, err
			}
			if len(line) == 2 {
				a.phase = whole
			}
			p = rest
		case whole:
			return false, errAfterEnd
		}
	}
	return a.phase == whole, nil
}

// until returns what has come up to and including the mark, and the rest of p.
// If the mark has not come, it keeps p for the next call. The line returned is
// valid until then.
func (a *answer) until(p []byte, mark string) (line, rest []byte, ok bool, err error) {
	if len(a.line) == 0 { // the usual case: all of it in one piece
		if i := bytes.Index(p, []byte(mark)); i >= 0 {
			return p[:i+len(mark)], p[i+len(mark):], true, nil
		}
	}
	had := len(a.line)
	a.line = append(a.line, p...)
	i := bytes.Index(a.line, []byte(mark))
	if i < 0 {
		if len(a.line) > maxHead {
			return nil, nil, false, errHeadTooLong
		}
		return nil, nil, false, nil
	}
	end := i + len(mark)
	line, a.line = a.line[:end], a.line[:0]
	return line, p[end-had:], true, nil
}

func (a *answer) readHead(head []byte) error {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		return fmt.Errorf("answer begins with %q", line)
	}
	a.left = -1
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
			n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
			if err != nil {
				return fmt.Errorf("bad Content-Length %q", value)
			}
			a.left = int(n)
		case len(name) == len("Transfer-Encoding") && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			a.chunked = bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked"))
		}
	}
	switch {
	case a.chunked:
		a.phase = inChunkSize
	case a.left > 0:
		a.phase = inBody
	case a.left == 0:
		a.phase = whole
	default:
		return errNoLength
	}
	return nil
}

// take counts bytes of the body and keeps the last of them.
func (a *answer) take(p []byte) {
	a.body += len(p)
	if a.counting && len(p) > 0 {
		a.events += bytes.Count(p, eventEnd)
		if p[0] == '\n' && a.tail[len(a.tail)-1] == '\n' { // the end came in two pieces
			a.events++
		}
	}
	if len(p) >= len(a.tail) {
		copy(a.tail[:], p[len(p)-len(a.tail):])
		return
	}
	copy(a.tail[:], a.tail[len(p):])
	copy(a.tail[len(a.tail)-len(p):], p)
}
