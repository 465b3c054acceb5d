// Package sse is the framing of server-sent events: finding events in bytes that arrive split anywhere, and writing
// them.
package sse

import "bytes"

// Boundary finds the ends of events in a stream that is given to it piece by piece. Lines end with LF, CRLF or a lone
// CR; an event ends with an empty line. The zero value stands at the start of a stream. Its time is linear in the
// bytes, whatever they are.
type Boundary struct {
	inLine bool // the current line has bytes in it
	loneCR bool // the last line ended with a CR that no LF followed
}

// Find looks for the empty line that ends the current event and returns the offset behind it, or -1 if it is not in p.
// Then scanned says how much of p is done with: the next call must get what follows that, which is nothing but the
// bytes to come, or a CR at the end of p before them: it may yet turn out to be half of a CRLF. Where a lone CR has
// ended the line before, another ends the event at once, so that nobody waits for what follows; an LF that does is then
// an empty line of its own, however the bytes were split.
func (b *Boundary) Find(p []byte) (end, scanned int) {
	for i := 0; i < len(p); {
		at := i
		if b.inLine || p[i] != '\n' && p[i] != '\r' {
			at = lineEnd(p, i)
			b.inLine = true
		}
		if at == len(p) {
			return -1, at
		}
		next := at + 1
		lone := p[at] == '\r'
		if lone && (b.inLine || !b.loneCR) {
			if next == len(p) {
				return -1, at
			}
			if p[next] == '\n' {
				next++
				lone = false
			}
		}
		if !b.inLine {
			*b = Boundary{}
			return next, next
		}
		b.inLine = false
		b.loneCR = lone
		i = next
	}
	return -1, len(p)
}

// lineEnd returns the offset of the first CR or LF at or after i, len(p) if there is none. It looks in windows, so that
// a stream with one kind of line end is not searched to its end for the other at each line.
func lineEnd(p []byte, i int) int {
	for window := 512; i < len(p); window *= 2 {
		w := p[i:min(i+window, len(p))]
		lf := bytes.IndexByte(w, '\n')
		if lf >= 0 {
			w = w[:lf]
		}
		if cr := bytes.IndexByte(w, '\r'); cr >= 0 {
			return i + cr
		}
		i += len(w)
		if lf >= 0 {
			return i
		}
	}
	return len(p)
}
