package server

import (
	"bytes"
	"strings"

	"uniapi/codec/rawjson"
)

// mostOfPiece is how long a name or a text at the top may be that is looked for in pieces, in bytes, escapes and all.
const mostOfPiece = 512

// textInPieces is the text of a member at the top of an object that lies in pieces, as it is sent; "" if it is none.
// The object is valid. Nothing of it is copied but strings at the top, one at a time: the rest may be megabytes, which
// nobody has counted twice. A name with a full stop is that of a member of the member.
func textInPieces(pieces [][]byte, name string) (text string) {
	name, inside, _ := strings.Cut(name, ".")
	s := pieceScanner{name: name, inside: inside}
	for _, p := range pieces {
		s.scan(p)
	}
	return s.text
}

// pieceScanner goes through an object piece by piece.
type pieceScanner struct {
	name, text string
	inside     string // the member of an object under that name which is looked for; "" is the text itself

	depth   int
	within  bool   // a string
	escaped bool   // the next byte stands behind a backslash
	value   bool   // what comes is a member's value
	wanted  bool   // of the member that is looked for
	told    bool   // inside is the last name or text in its object
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
	if (s.depth == 1 || s.deeper()) && len(s.said) <= mostOfPiece {
		s.said = append(s.said, part[:min(len(part), mostOfPiece+1-len(s.said))]...)
	}
}

// deeper says whether it is in an object of whose members one is looked for.
func (s *pieceScanner) deeper() bool {
	return s.inside != "" && s.depth == 2 && s.value && s.wanted
}

// ended takes a string that is whole.
func (s *pieceScanner) ended() {
	deeper := s.deeper()
	if s.depth != 1 && !deeper || s.value && !s.wanted {
		return
	}
	text := ""
	if len(s.said) <= mostOfPiece {
		quoted := append(append([]byte{'"'}, s.said...), '"')
		text, _ = rawjson.Text(quoted, rawjson.Value{Kind: rawjson.String, End: len(quoted)})
	}
	if deeper {
		if s.told {
			s.text = text
		}
		s.told = !s.told && text == s.inside
	} else if s.value {
		if s.inside == "" {
			s.text = text
		}
	} else if s.wanted = text == s.name; s.wanted {
		s.text = "" // of two the last counts
	}
}
