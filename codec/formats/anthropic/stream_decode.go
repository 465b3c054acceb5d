package anthropic

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// NewStreamDecoder reads a Messages stream into events.
func (Format) NewStreamDecoder() codec.StreamDecoder { return &streamDecoder{} }

// streamDecoder finds the events in the bytes; Events knows what they mean.
type streamDecoder struct {
	reader sse.Reader
	events Events
}

// Dropped is how many events could not be read.
func (d *streamDecoder) Dropped() int { return d.events.Dropped() }

// Push implements codec.StreamDecoder.
func (d *streamDecoder) Push(dst []codec.Event, p []byte) ([]codec.Event, error) {
	d.events.Reset()
	if !d.reader.Push(p) {
		d.events.Fail(codec.NoAnswer("the upstream sent an event that is too large"))
	}
	for d.events.Open() {
		e, ok := d.reader.Next()
		if !ok {
			break
		}
		dst = d.event(dst, e)
	}
	return dst, d.events.Err()
}

func (d *streamDecoder) event(dst []codec.Event, e sse.Event) []codec.Event {
	data := bytes.TrimSpace(e.Data)
	switch {
	case len(data) > 0:
		return d.events.Append(dst, data)
	case string(e.Name) == "error":
		d.events.Fail(codec.NoAnswer("the upstream broke the stream off with an error"))
	case e.Foreign != nil:
		d.events.Fail(answerFailure(e.Foreign))
	}
	return dst
}

// End implements codec.StreamDecoder.
func (d *streamDecoder) End(dst []codec.Event) ([]codec.Event, error) {
	d.events.Reset()
	if e, ok := d.reader.Rest(); ok && d.events.Open() {
		if _, err := rawjson.One(e.Data); err != nil && e.Lines > 0 {
			d.events.Fail(codec.CutShort())
		} else {
			dst = d.event(dst, e)
		}
	}
	return d.events.End(dst)
}
