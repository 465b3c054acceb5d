package bedrock

import (
	"encoding/base64"

	"uniapi/codec"
	"uniapi/codec/eventstream"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/codec/sse"
)

// Unwrapped is the stream of InvokeModel with Claude on its way to a client of Anthropic's: the events in Bedrock's
// frames are Anthropic's own, and go out as the server-sent events that they are elsewhere. The zero value is not
// ready: Reset first, also for the next stream.
type Unwrapped struct {
	events    passthrough.Stream
	inspector anthropic.Inspector
	frames    eventstream.Reader
	raw       []byte // an event's JSON
	sse       []byte // the events of one Push
	foreign   []byte // what is no stream at all
	begun     bool
	err       *codec.Error
}

// Reset starts a new stream. A trigger is a text that makes an error of an event that contains it and would begin the
// answer.
func (u *Unwrapped) Reset(triggers ...string) {
	u.events.Reset(&u.inspector, triggers...)
	u.frames, u.foreign, u.begun, u.err = eventstream.Reader{}, nil, false, nil
	if cap(u.raw)+cap(u.sse) > keptBuffer {
		u.raw, u.sse = nil, nil
	}
}

// Watch is that of passthrough.Stream.
func (u *Unwrapped) Watch(c sse.Censor) { u.events.Watch(c) }

// keptBuffer is how large the buffers of a stream are kept for the next.
const keptBuffer = 1 << 20

// Held is how many bytes are held of what has come, and what the frame that is coming will take.
func (u *Unwrapped) Held() int { return u.events.Held() + cap(u.raw) + cap(u.sse) + 3*u.frames.Rest() }

// Started is that of passthrough.Stream.
func (u *Unwrapped) Started() bool { return u.events.Started() }

// Done is that of passthrough.Stream.
func (u *Unwrapped) Done() bool { return u.events.Done() }

// Usage is that of passthrough.Stream.
func (u *Unwrapped) Usage() (codec.Usage, bool) { return u.events.Usage() }

// Said is that of passthrough.Stream.
func (u *Unwrapped) Said() int64 { return u.events.Said() }

// Push takes the next bytes, split anywhere, and returns what can go out now, valid until the next Push. An error,
// always a *codec.Error, is the upstream's, reported in the stream: out is what came before it, and nothing follows.
func (u *Unwrapped) Push(p []byte) (out []byte, err error) {
	if u.err != nil {
		return nil, u.err
	}
	if !u.begun && len(p) > 0 {
		u.begun = true
		if p[0] == '{' || p[0] == '<' { // the length of a frame never begins so: it would be more than a gigabyte
			u.foreign = []byte{}
		}
	}
	if u.foreign != nil {
		u.foreign = append(u.foreign, p[:min(len(p), foreignLimit-len(u.foreign))]...)
		return nil, nil
	}
	u.sse = u.sse[:0]
	u.frames.Push(p)
	for u.err == nil {
		m, ok, err := u.frames.Next()
		if err != nil {
			u.err = codec.NoAnswer("the upstream's stream cannot be read: " + err.Error())
		}
		if !ok {
			break
		}
		u.unwrap(&m)
	}
	if out, err = u.events.Push(u.sse); err == nil && u.err != nil {
		err = u.err
	}
	return out, err
}

// unwrap adds the event in a frame to those of the Push.
func (u *Unwrapped) unwrap(m *eventstream.Message) {
	switch string(m.Type) {
	case "exception":
		u.err = exceptionError(string(m.Exception), m.Payload)
		return
	case "error":
		u.err = exceptionError(string(m.ErrorCode), m.Payload)
		if len(m.ErrorMessage) > 0 {
			u.err.Message = string(m.ErrorMessage)
		}
		return
	}
	if string(m.Event) != "chunk" {
		return
	}
	encoded := member(m.Payload, "bytes")
	if encoded.Kind != rawjson.String {
		u.unreadable("the upstream sent a chunk without bytes")
		return
	}
	var err error
	u.raw, err = base64.StdEncoding.AppendDecode(u.raw[:0], m.Payload[encoded.Start+1:encoded.End-1])
	if err != nil {
		u.unreadable("the upstream sent a chunk that cannot be read: " + err.Error())
		return
	}
	name, _ := rawjson.Text(u.raw, member(u.raw, "type"))
	u.sse = sse.AppendEvent(u.sse, name, u.raw)
}

// unreadable leaves a frame out of an answer that has begun. Before that it is the end.
func (u *Unwrapped) unreadable(why string) {
	if u.events.Started() {
		u.events.Drop()
	} else {
		u.err = codec.NoAnswer(why)
	}
}

// Dropped is how many events could not be read.
func (u *Unwrapped) Dropped() int { return u.events.Dropped() }

// member is the first member of that name, which those that come first are found by at once.
func member(data []byte, name string) rawjson.Value {
	for it := rawjson.MembersOf(data); it.Next(); {
		if it.Name() == name {
			return it.Value
		}
	}
	return rawjson.Value{}
}

// End takes the clean end of the connection. out is what remains to be sent.
func (u *Unwrapped) End() (out []byte, err error) {
	switch {
	case u.err != nil:
	case u.foreign != nil:
		u.err = answerFailure(u.foreign)
	case u.frames.Rest() > 0 && !u.Done():
		u.err = codec.CutShort()
	default:
		return u.events.End()
	}
	return nil, u.err
}
