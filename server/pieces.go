package server

import (
	"bytes"

	"uniapi/codec/rawjson"
)

// mostOfPiece is how long a name or a text at the top may be that is looked for in pieces, in bytes, escapes and all.
const mostOfPiece = 512

// textInPieces is the text of a member at the top of an object that lies in pieces, as it is sent; "" if it is none. The object is valid. Nothing of it
// is copied but strings at the top, one at a time: the rest may be megabytes, which nobody has counted twice.
func textInPieces(pieces [][]byte, name string) (text string) {
	s := pieceScanner{name: name}
	for _, p := range pieces {
		s.scan(p)
	}
	return s.text
}

// pieceScanner goes through an object piece by piece.
type pieceScanner struct {
	name, text string

	depth   int
	within  bool   // a string
	escaped bool   // the next byte stands behind a backslash
	value   bool   // what comes is a member's value
	wanted  bool   // of the member that is looked for
	said    []byte // the string at the top that goes on
}

func (s *pieceScanner) scan(p []byte) {
	quote, slash := -1, -1 // where the next of them are, as far as they have been looked for
	next := func(at *int, i int, c byte) int {
		if *at < i {
			if *at = bytes.IndexByte(p[i:], c); *at < 0 {
				*at = len(p)
			} else {
				*at += i
			}
		}
		return *at
	}
	for i := 0; i < len(p); {
		if s.escaped {
			s.keep(p[i : i+1])
			s.escaped = false
			i++
			continue
		}
		if s.within {
			end := min(next(&quote, i, '"'), next(&slash, i, '\\'))
			s.keep(p[i:end])
			if i = end; i == len(p) {
				return
			}
			if p[i] == '\\' {
				s.keep(p[i : i+1])
				s.escaped = true
			} else {
				s.within = false
				s.ended()
			}
			i++
			continue
		}
		switch p[i] {
		case '"':
			s.within, s.said = true, s.said[:0]
		case '{', '[':
			s.depth++
		case '}', ']':
			s.depth--
		case ':':
			s.value = s.value || s.depth == 1
		case ',':
			s.value = s.value && s.depth != 1
		}
		i++
	}
}

// keep takes a part of a string, if it is at the top and not too long.
func (s *pieceScanner) keep(part []byte) {
	if s.depth == 1 && len(s.said) <= mostOfPiece {
		s.said = append(s.said, part[:min(len(part), mostOfPiece+1-len(s.said))]...)
	}
}

// ended takes a string that is whole.
func (s *pieceScanner) ended() {
	if s.depth != 1 || s.value && !s.wanted {
		return
	}
	text := ""
	if len(s.said) <= mostOfPiece {
		quoted := append(append([]byte{'"'}, s.said...), '"')
		text, _ = rawjson.Text(quoted, rawjson.Value{Kind: rawjson.String, End: len(quoted)})
	}
	if s.value {
		s.text = text
	} else if s.wanted = text == s.name; s.wanted {
		s.text = "" // of two the last counts
	}
}
