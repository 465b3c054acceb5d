package rawjson

import "strings"

const (
	// longestKey is how long a member's name may be, as it is written, to be compared: six bytes for each of the
	// name's.
	longestKey = 64
	// longestFound is how long a text may be, as it is written, to be found.
	longestFound = 1 << 10
)

// Finder looks for the first member of that name of the object that a document is, while the document comes piece by
// piece. It is for what can be decided before the rest has come: it does not check the document, and a member that it
// has found may be there again. It keeps next to nothing.
type Finder struct {
	name string

	place finderPlace
	depth int
	slash bool   // the last byte of the string was a backslash that escapes the next
	kept  []byte // the string as it is written, with its quotes
	most  int    // of kept; 0 keeps nothing
	key   bool   // the string is a member's name
	found bool   // it has the name
	text  string
}

type finderPlace uint8

const (
	finderOutside finderPlace = iota // before the document
	finderBefore                     // where a member's name, a value or a bracket may stand
	finderString
	finderColon // behind the name that is looked for
	finderValue // behind its colon
	finderDone
)

// NewFinder makes a finder of the member called name.
func NewFinder(name string) *Finder { return &Finder{name: name} }

// Push takes the next piece and says whether there is nothing more to look for.
func (f *Finder) Push(p []byte) (done bool) {
	for i := 0; i < len(p) && f.place != finderDone; {
		if f.place == finderString {
			i += f.inside(p[i:])
			continue
		}
		f.step(p[i])
		i++
	}
	return f.place == finderDone
}

// Text is the member's text, decoded; false if it is none, is too long, or has not come yet.
func (f *Finder) Text() (text string, found bool) { return f.text, f.found && f.place == finderDone }

// step takes a byte that is in no string.
func (f *Finder) step(c byte) {
	space := c == ' ' || c == '\n' || c == '\r' || c == '\t'
	switch f.place {
	case finderOutside:
		switch {
		case c == '{':
			f.place, f.depth, f.key = finderBefore, 1, true
		case !space:
			f.place = finderDone
		}
	case finderColon:
		switch {
		case c == ':':
			f.place = finderValue
		case !space:
			f.place = finderDone
		}
	case finderValue:
		switch {
		case c == '"':
			f.open(longestFound)
		case !space:
			f.place = finderDone
		}
	case finderBefore:
		switch c {
		case '"':
			most := 0
			if f.key && f.depth == 1 {
				most = longestKey
			}
			f.open(most)
		case '{', '[':
			f.depth++
		case '}', ']':
			if f.depth--; f.depth == 0 {
				f.place = finderDone
			}
		case ',':
			f.key = true
		case ':':
			f.key = false
		}
	}
}

func (f *Finder) open(most int) {
	f.found = f.place == finderValue
	f.place, f.slash, f.most = finderString, false, most
	f.kept = append(f.kept[:0], '"')
}

// inside takes up what it can of p, which is in a string: at least a byte.
func (f *Finder) inside(p []byte) (n int) {
	if f.slash {
		f.slash = false
		f.keep(p[:1])
		return 1
	}
	for n < len(p) && p[n] != '"' && p[n] != '\\' {
		n++
	}
	if n == len(p) {
		f.keep(p)
		return n
	}
	f.keep(p[:n+1])
	if f.slash = p[n] == '\\'; !f.slash {
		f.close()
	}
	return n + 1
}

func (f *Finder) keep(p []byte) {
	if len(f.kept)+len(p) > f.most {
		f.most = 0
		return
	}
	f.kept = append(f.kept, p...)
}

// close ends a string.
func (f *Finder) close() {
	text, whole := "", false
	if f.most > 0 {
		text, whole = Text(f.kept, Value{0, len(f.kept), String})
	}
	switch {
	case f.found:
		f.place, f.found = finderDone, whole
		f.text = strings.Clone(text)
	case whole && f.key && f.depth == 1 && text == f.name:
		f.place = finderColon
	default:
		f.place = finderBefore
	}
}
