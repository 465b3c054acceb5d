package gemini

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/sse"
)

// maxObject is the largest object of an array stream in bytes; inline images stay below.
const maxObject = 64 << 20

// NewStreamDecoder implements codec.Format. The decoder takes events, and the JSON array that comes without alt=sse.
func (Format) NewStreamDecoder() codec.StreamDecoder { return &streamDecoder{} }

type streamDecoder struct {
	answer answer
	form   byte // 0 until it is known, 'e' for events, 'a' for an array
	events sse.Reader
	array  objects
}

// Dropped is how many events could not be read.
func (d *streamDecoder) Dropped() int { return d.answer.Dropped() }

// Push implements codec.StreamDecoder.
func (d *streamDecoder) Push(dst []codec.Event, p []byte) ([]codec.Event, error) {
	a := &d.answer
	a.text = a.text[:0]
	if d.form == 0 {
		p = bytes.TrimLeft(p, " \t\r\n")
		if len(p) == 0 {
			return dst, nil
		}
		if d.form = 'e'; p[0] == '[' || p[0] == '{' {
			d.form = 'a'
		}
	}
	if d.form == 'a' {
		for a.err == nil {
			object, rest := d.array.next(p)
			if p = rest; object == nil {
				break
			}
			dst = a.object(dst, object)
		}
		if a.err == nil && len(d.array.held) > maxObject {
			a.err = codec.NoAnswer("the upstream sent an object that is too large")
		}
		return dst, failure(a.err)
	}
	if !d.events.Push(p) && a.err == nil {
		a.err = codec.NoAnswer("the upstream sent an event that is too large")
	}
	for a.err == nil {
		e, ok := d.events.Next()
		if !ok {
			break
		}
		dst = d.event(dst, e)
	}
	return dst, failure(a.err)
}

// failure keeps a nil *codec.Error from becoming an error.
func failure(e *codec.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func (d *streamDecoder) event(dst []codec.Event, e sse.Event) []codec.Event {
	a := &d.answer
	data := bytes.TrimSpace(e.Data)
	switch {
	case e.Foreign != nil: // an error as bare JSON behind events, or a page
		if !a.finished() { // behind a finish it comes too late to matter
			a.err = foreignError(e.Foreign)
		}
	case len(data) == 0, string(data) == "[DONE]": // of proxies that speak several formats
	default:
		if e.Lines > 1 { // joined in a buffer that the next event takes
			data = bytes.Clone(data)
		}
		return a.object(dst, data)
	}
	return dst
}

// End implements codec.StreamDecoder.
func (d *streamDecoder) End(dst []codec.Event) ([]codec.Event, error) {
	a := &d.answer
	a.text = a.text[:0]
	if a.err != nil {
		return dst, a.err
	}
	if d.form == 'a' && len(d.array.held) > 0 {
		a.err = notAnAnswer(d.array.held)
		if a.seen {
			a.err = codec.CutShort()
		}
		return dst, a.err
	}
	if e, ok := d.events.Rest(); ok {
		whole := a.Dropped()
		dst = d.event(dst, e)
		a.Cut(whole)
		if a.err != nil && a.err.Raw == nil && a.started {
			a.err = codec.CutShort() // an event that was cut off
		}
	}
	if a.err == nil {
		dst = a.end(dst, false)
	}
	return dst, failure(a.err)
}

// objects finds the objects in an array, or one behind another, in bytes that come in pieces. Its time is linear in the
// bytes.
type objects struct {
	held    []byte // the object in the making
	given   []byte // the last one that was made in held, and still in use when the next one begins
	depth   int
	quoted  bool
	escaped bool
}

// next returns the next complete object and the bytes behind it. Nil if there is none yet; all of p is then kept. An
// object is valid as long as p, or until one that is begun in a later p is complete.
func (o *objects) next(p []byte) (object, rest []byte) {
	start := 0
	for i := range p {
		c := p[i]
		switch {
		case o.depth == 0:
			if c != '{' {
				continue
			}
			o.depth, start = 1, i
		case o.escaped:
			o.escaped = false
		case o.quoted:
			switch c {
			case '\\':
				o.escaped = true
			case '"':
				o.quoted = false
			}
		case c == '"':
			o.quoted = true
		case c == '{':
			o.depth++
		case c == '}':
			if o.depth--; o.depth > 0 {
				continue
			}
			if len(o.held) == 0 {
				return p[start : i+1], p[i+1:]
			}
			o.given, o.held = append(o.held, p[:i+1]...), o.given[:0]
			return o.given, p[i+1:]
		}
	}
	if o.depth > 0 {
		o.held = append(o.held, p[start:]...)
	}
	return nil, nil
}
