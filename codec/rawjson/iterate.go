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

	Walk
}

// Elements walks the elements of an array, used like Members.
type Elements struct {
	// Value is the element.
	Value Value

	Walk
}

// Walk is a position in a container. open is '{' or '['.
type Walk struct {
	data    []byte
	pos     int
	open    byte
	whole   bool // nothing but space may follow the container
	started bool
	escaped bool // the key holds a backslash
	behind  bool // pos is at the item's value, an object or array that has not been read
	end     int  // behind the container, once it is closed
	err     *SyntaxError
}

// MembersOf starts on a document that must be one object and nothing else. If it is not an object at all, Err says so.
func MembersOf(data []byte) Members {
	return Members{Walk: Walk{data: data, pos: skipSpace(data, 0), open: '{', whole: true}}
}

// Members starts on the object v, found before in data. Of anything but an object it yields nothing.
func (v Value) Members(data []byte) Members {
	if v.Kind != Object {
		return Members{Walk: Walk{open: '{', started: true, pos: -1}}
	}
	return Members{Walk: Walk{data: data[:v.End], pos: v.Start, open: '{'}}
}

// Elements starts on the array v, found before in data. Of anything but an array it yields nothing.
func (v Value) Elements(data []byte) Elements {
	if v.Kind != Array {
		return Elements{Walk: Walk{open: '[', started: true, pos: -1}}
	}
	return Elements{Walk: Walk{data: data[:v.End], pos: v.Start, open: '['}}
}

// Err is the first error of the walk; nil after a walk to the end of a good container.
func (w *Walk) Err() error {
	if w.err == nil {
		return nil
	}
	return w.err
}

func (w *Walk) fail(at int, msg string) bool {
	w.err = &SyntaxError{min(at, len(w.data)), msg}
	w.pos = -1
	return false
}

// advance moves to the next item's first byte and says whether there is one.
func (w *Walk) advance() bool {
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

func (w *Walk) close(i int) bool {
	if w.whole {
		if end := skipSpace(w.data, i+1); end < len(w.data) {
			return w.fail(end, errTrailing)
		}
	}
	w.pos, w.end = -1, i+1
	return false
}

// Next moves to the next member. False at the end and at an error.
func (m *Members) Next() bool { return m.Step() && m.Whole().Kind != Missing }

// Step is Next for whoever looks into the values: an object or an array is not read yet, and the End of Value not
// known, so that its bytes are gone through once and not once for each level. Whole reads it; Members and Elements walk
// into it, and Leave ends that.
func (m *Members) Step() bool {
	if m.behind && m.Whole().Kind == Missing || !m.advance() {
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
	m.pos = i + 1
	return m.begin(&m.Value)
}

// begin reads the value at pos, unless it is an object or an array.
func (w *Walk) begin(v *Value) bool {
	i := skipSpace(w.data, w.pos)
	if i < len(w.data) && (w.data[i] == '{' || w.data[i] == '[') {
		*v = Value{Start: i, Kind: kindOf(w.data[i])}
		w.pos, w.behind = i, true
		return true
	}
	return w.read(v)
}

func (w *Walk) read(v *Value) bool {
	w.behind = false
	found, msg := skipAny(w.data, w.pos)
	if msg != "" {
		*v = Value{}
		return w.fail(found.End, msg)
	}
	*v = found
	w.pos = found.End
	return true
}

// Whole is the member's value, read to its end; Kind Missing if that fails, which ends the walk.
func (m *Members) Whole() Value {
	if m.behind {
		m.read(&m.Value)
	}
	return m.Value
}

// Known is Whole for whoever has read the value before: if it is this one, it is not read again.
func (m *Members) Known(v Value) {
	if m.behind && v.Start == m.Value.Start && v.End > v.Start {
		m.Value = v
		m.pos, m.behind = v.End, false
	}
}

// Whole is the element, as with Members.
func (e *Elements) Whole() Value {
	if e.behind {
		e.read(&e.Value)
	}
	return e.Value
}

// Members walks into the value that Step has found. Of anything but an object it yields nothing. Leave must follow,
// before anything else.
func (w *Walk) Members() Members { return Members{Walk: w.into('{')} }

// Elements is Members for an array.
func (w *Walk) Elements() Elements { return Elements{Walk: w.into('[')} }

func (w *Walk) into(open byte) Walk {
	if !w.behind || w.data[w.pos] != open {
		return Walk{open: open, started: true, pos: -1}
	}
	return Walk{data: w.data, pos: w.pos, open: open}
}

// Leave goes on behind what was walked into, which must have been walked to its end. An error in there is one here.
func (w *Walk) Leave(inner *Walk) {
	switch {
	case inner.err != nil:
		w.err, w.pos, w.behind = inner.err, -1, false
	case inner.end > 0:
		w.pos, w.behind = inner.end, false
	}
}

// Leave is that of Walk, and the member's value is known to its end then.
func (m *Members) Leave(inner *Walk) {
	m.Walk.Leave(inner)
	if inner.end > 0 {
		m.Value.End = inner.end
	}
}

// Leave is that of Walk, and the element is known to its end then.
func (e *Elements) Leave(inner *Walk) {
	e.Walk.Leave(inner)
	if inner.end > 0 {
		e.Value.End = inner.end
	}
}

// Pass goes on behind the element that Step has found, which has been read to its end by Skip.
func (e *Elements) Pass(end int) { e.Value.End, e.pos, e.behind = end, end, false }

// Name is the member's name, decoded. It aliases the data; one with an escape in it is copied.
func (m *Members) Name() string {
	if m.escaped {
		name, _ := Text(m.data, m.Key)
		return name
	}
	return alias(m.data[m.Key.Start+1 : m.Key.End-1])
}

// Next moves to the next element. False at the end and at an error.
func (e *Elements) Next() bool { return e.Step() && e.Whole().Kind != Missing }

// Step is Next without reading an object or an array, as with Members.
func (e *Elements) Step() bool {
	if e.behind && e.Whole().Kind == Missing || !e.advance() {
		return false
	}
	return e.begin(&e.Value)
}

// Text decodes a string value. The result aliases data if nothing had to be decoded, so it must be cloned to be kept
// longer than data. False if v is not a string or not a valid one (a bad escape, a raw control character).
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
