package rawjson

import "unsafe"

// Members walks the members of an object in their order:
//
//	it := rawjson.MembersOf(body)
//	for it.Next() {
//		switch it.Name() { ... it.Value ... }
//	}
//	if err := it.Err(); err != nil { ... }
//
// A member that is there twice is seen twice; the caller lets the last one win, as JSON libraries do.
type Members struct {
	// Key is the member's name with its quotes.
	Key Value
	// Value is the member's value.
	Value Value

	walk
}

// Elements walks the elements of an array, used like Members.
type Elements struct {
	// Value is the element.
	Value Value

	walk
}

// walk is a position in a container. open is '{' or '['.
type walk struct {
	data    []byte
	pos     int
	open    byte
	whole   bool // nothing but space may follow the container
	started bool
	escaped bool // the key holds a backslash
	err     *SyntaxError
}

// MembersOf starts on a document that must be one object and nothing else. If it is not an object at all, Err says so.
func MembersOf(data []byte) Members {
	return Members{walk: walk{data: data, pos: skipSpace(data, 0), open: '{', whole: true}}
}

// Members starts on the object v, found before in data. Of anything but an object it yields nothing.
func (v Value) Members(data []byte) Members {
	if v.Kind != Object {
		return Members{walk: walk{open: '{', started: true, pos: -1}}
	}
	return Members{walk: walk{data: data[:v.End], pos: v.Start, open: '{'}}
}

// Elements starts on the array v, found before in data. Of anything but an array it yields nothing.
func (v Value) Elements(data []byte) Elements {
	if v.Kind != Array {
		return Elements{walk: walk{open: '[', started: true, pos: -1}}
	}
	return Elements{walk: walk{data: data[:v.End], pos: v.Start, open: '['}}
}

// Err is the first error of the walk; nil after a walk to the end of a good container.
func (w *walk) Err() error {
	if w.err == nil {
		return nil
	}
	return w.err
}

func (w *walk) fail(at int, msg string) bool {
	w.err = &SyntaxError{min(at, len(w.data)), msg}
	w.pos = -1
	return false
}

// advance moves to the next item's first byte and says whether there is one.
func (w *walk) advance() bool {
	b, i := w.data, w.pos
	if i < 0 {
		return false
	}
	if !w.started {
		w.started = true
		if i >= len(b) {
			return w.fail(i, errTruncated)
		}
		if b[i] != w.open {
			return w.fail(i, errValue)
		}
		i = skipSpace(b, i+1)
		if i < len(b) && b[i] == w.open+2 {
			return w.close(i)
		}
	} else {
		if i < len(b) && b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if i >= len(b) {
			return w.fail(i, errTruncated)
		}
		switch b[i] {
		case w.open + 2:
			return w.close(i)
		case ',':
			if i++; i < len(b) && b[i] <= ' ' {
				i = skipSpace(b, i)
			}
		default:
			return w.fail(i, errComma)
		}
	}
	if i >= len(b) {
		return w.fail(i, errTruncated)
	}
	w.pos = i
	return true
}

func (w *walk) close(i int) bool {
	if w.whole {
		if end := skipSpace(w.data, i+1); end < len(w.data) {
			return w.fail(end, errTrailing)
		}
	}
	w.pos = -1
	return false
}

// Next moves to the next member. False at the end and at an error.
func (m *Members) Next() bool {
	if !m.advance() {
		return false
	}
	b, i := m.data, m.pos
	if b[i] != '"' {
		return m.fail(i, errKey)
	}
	m.Key = Value{Start: i, Kind: String}
	m.escaped = false
	// Names are short: a byte loop beats IndexByte and sees the backslash on its way.
	for i++; ; i++ {
		if i >= len(b) {
			return m.fail(i, errTruncated)
		}
		if b[i] == '"' {
			break
		}
		if b[i] == '\\' {
			m.escaped = true
			i++
		}
	}
	i++
	m.Key.End = i
	if i < len(b) && b[i] <= ' ' {
		i = skipSpace(b, i)
	}
	if i >= len(b) {
		return m.fail(i, errTruncated)
	}
	if b[i] != ':' {
		return m.fail(i, errColon)
	}
	v, msg := skipAny(b, i+1)
	if msg != "" {
		return m.fail(v.End, msg)
	}
	m.Value = v
	m.pos = v.End
	return true
}

// Name is the member's name, decoded. It aliases the data; one with an escape in it is copied.
func (m *Members) Name() string {
	if m.escaped {
		name, _ := Text(m.data, m.Key)
		return name
	}
	return alias(m.data[m.Key.Start+1 : m.Key.End-1])
}

// Next moves to the next element. False at the end and at an error.
func (e *Elements) Next() bool {
	if !e.advance() {
		return false
	}
	v, msg := skipAny(e.data, e.pos)
	if msg != "" {
		return e.fail(v.End, msg)
	}
	e.Value = v
	e.pos = v.End
	return true
}

// Text decodes a string value. The result aliases data if nothing had to be decoded, so it must be cloned to be kept longer than
// data. False if v is not a string or not a valid one (a bad escape, a raw control character).
func Text(data []byte, v Value) (string, bool) {
	if v.Kind != String {
		return "", false
	}
	inner := data[v.Start+1 : v.End-1]
	if plain(inner) {
		return alias(inner), true
	}
	decoded, ok := AppendText(make([]byte, 0, len(inner)), data, v)
	if !ok {
		return "", false
	}
	return alias(decoded), true
}

// plain says whether the inside of a string means what it says.
func plain(inner []byte) bool {
	for _, c := range inner {
		if c == '\\' || c < ' ' {
			return false
		}
	}
	return true
}

// Int reads a whole number that fits an int64. A number with a fraction or an exponent, and any other value, is false.
func Int(data []byte, v Value) (int64, bool) {
	if v.Kind != Number {
		return 0, false
	}
	b := data[v.Start:v.End]
	negative := b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) > 18 { // 18 digits always fit
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// Get returns the member of that name, the last if there are several; Kind Missing if v has none or is no object.
func (v Value) Get(data []byte, name string) Value {
	var found Value
	for it := v.Members(data); it.Next(); {
		if it.Name() == name {
			found = it.Value
		}
	}
	return found
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
