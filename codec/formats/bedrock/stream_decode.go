package bedrock

import (
	"bytes"
	"encoding/base64"

	"uniapi/codec"
	"uniapi/codec/eventstream"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/rawjson"
)

// NewStreamDecoder reads a stream of Converse, or of InvokeModel with what Claude or Nova say.
func (Format) NewStreamDecoder() codec.StreamDecoder { return &streamDecoder{} }

// streamDecoder finds the messages in the bytes. Those of InvokeModel hold an event of the model's own format in
// base64.
type streamDecoder struct {
	reader   eventstream.Reader
	raw      []byte // what came in base64 in one Push
	claude   anthropic.Events
	isClaude bool
	converse events
	foreign  []byte // what is no stream at all
	begun    bool
	err      *codec.Error
}

// foreignLimit bounds what is kept of an error page or object in the place of a stream.
const foreignLimit = 64 << 10

// Dropped is how many events could not be read.
func (d *streamDecoder) Dropped() int { return d.claude.Dropped() + d.converse.Dropped() }

// Push implements codec.StreamDecoder.
func (d *streamDecoder) Push(dst []codec.Event, p []byte) ([]codec.Event, error) {
	d.raw = d.raw[:0]
	d.claude.Reset()
	d.converse.text = d.converse.text[:0]
	if !d.begun && len(p) > 0 {
		d.begun = true
		if p[0] == '{' || p[0] == '<' { // the length of a frame never begins so: it would be more than a gigabyte
			d.foreign = []byte{}
		}
	}
	if d.foreign != nil {
		d.foreign = append(d.foreign, p[:min(len(p), foreignLimit-len(d.foreign))]...)
		return dst, nil
	}
	d.reader.Push(p)
	for d.err == nil {
		m, ok, err := d.reader.Next()
		if err != nil {
			d.err = codec.NoAnswer("the upstream's stream cannot be read: " + err.Error())
		}
		if !ok {
			break
		}
		dst = d.message(dst, &m)
		if d.err == nil {
			d.err = d.converse.err
		}
	}
	return dst, d.failure()
}

func (d *streamDecoder) failure() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

func (d *streamDecoder) message(dst []codec.Event, m *eventstream.Message) []codec.Event {
	switch string(m.Type) {
	case "exception":
		d.err = exceptionError(string(m.Exception), m.Payload)
		return dst
	case "error":
		d.err = exceptionError(string(m.ErrorCode), m.Payload)
		if len(m.ErrorMessage) > 0 {
			d.err.Message = string(m.ErrorMessage)
		}
		return dst
	}
	if string(m.Event) != "chunk" {
		return d.converse.append(dst, string(m.Event), m.Payload)
	}
	v, err := rawjson.One(m.Payload)
	if err == nil {
		encoded := v.Get(m.Payload, "bytes")
		at := len(d.raw)
		if encoded.Kind == rawjson.String {
			d.raw, err = base64.StdEncoding.AppendDecode(d.raw, m.Payload[encoded.Start+1:encoded.End-1])
		}
		if err == nil {
			return d.chunk(dst, bytes.TrimSpace(d.raw[at:]))
		}
	}
	if d.claude.Started() || d.converse.started {
		d.converse.Drop()
	} else {
		d.err = codec.NoAnswer("the upstream sent a chunk that cannot be read: " + err.Error())
	}
	return dst
}

// chunk reads an event of the model's own format.
func (d *streamDecoder) chunk(dst []codec.Event, data []byte) []codec.Event {
	it := rawjson.MembersOf(data)
	if it.Next() && converseEvents[it.Name()] {
		return d.converse.append(dst, it.Name(), it.Value.Raw(data))
	}
	d.isClaude = true
	dst = d.claude.Append(dst, data)
	if e, ok := d.claude.Err().(*codec.Error); ok {
		d.err = e
	}
	return dst
}

// End implements codec.StreamDecoder.
func (d *streamDecoder) End(dst []codec.Event) ([]codec.Event, error) {
	switch {
	case d.err != nil:
	case d.foreign != nil:
		d.err = answerFailure(d.foreign)
	case d.reader.Rest() > 0:
		d.err = codec.CutShort()
	case d.isClaude:
		return d.claude.End(dst)
	case !d.converse.started:
		d.err = codec.NoAnswer("the upstream returned an empty response")
	case !d.converse.finished:
		d.err = codec.CutShort()
	}
	return dst, d.failure()
}
