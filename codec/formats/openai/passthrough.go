package openai

import (
	"bytes"
	"errors"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
)

// Inspector reads a chat stream for a passthrough.Stream. The answer begins with the first event that is one of a chat
// stream.
type Inspector struct {
	// HideUsage has an event that has usage and no choices kept from the client: one that did not ask for it may index
	// choices[0].
	HideUsage bool

	last     findings // of the last event
	mend     mender
	calls    numbering
	finished bool // a finish_reason has been seen
	counted  bool // the usage came with it or behind it
	usage    codec.Usage
	said     int64 // what the answer says weighs, in events that were read
}

var (
	_ passthrough.Inspector = (*Inspector)(nil)
	_ passthrough.Shaper    = (*Inspector)(nil)
	_ passthrough.Mender    = (*Inspector)(nil)
	_ passthrough.Worded    = (*Inspector)(nil)
	_ passthrough.Counter   = (*Inspector)(nil)
)

// Reset implements passthrough.Inspector.
func (in *Inspector) Reset() {
	calls, pieces := in.calls, in.last.pieces
	calls.reset()
	*in = Inspector{HideUsage: in.HideUsage, calls: calls}
	in.last.pieces = pieces
}

// LastWord implements passthrough.Worded.
func (in *Inspector) LastWord() string { return "[DONE]" }

// Usage implements passthrough.Inspector.
func (in *Inspector) Usage() codec.Usage { return in.usage }

// Counted implements passthrough.Counter.
func (in *Inspector) Counted() bool { return in.counted }

// Said implements passthrough.Inspector.
func (in *Inspector) Said() int64 { return in.said }

// Holes implements passthrough.Shaper.
func (in *Inspector) Holes() []passthrough.Hole { return in.last.holes[:in.last.nHoles] }

// Mend implements passthrough.Mender.
func (in *Inspector) Mend(dst, name, data []byte) []byte {
	l := in.last.lacks()
	if in.last.calls && in.calls.anew {
		l.numbers = in.calls.now
	}
	if in.last.stops && in.calls.any() {
		l.calls, l.open = true, &in.calls.calls
	}
	return in.mend.append(dst, name, data, l)
}

var errNotWhole = errors.New("it is cut off or garbled")

// Event implements passthrough.Inspector.
func (in *Inspector) Event(name, data []byte, begun bool) passthrough.Sign {
	if string(name) == "error" {
		return passthrough.Sign{Err: eventError(data)}
	}
	f := &in.last
	f.again()
	switch err := f.inspect(data); {
	case f.Failure != nil:
		return passthrough.Sign{Err: f.Failure}
	case err != nil && begun:
		return passthrough.NotJSON(errNotWhole)
	case err != nil:
		return passthrough.Sign{Err: codec.NotAnAnswer(data)}
	}
	sign := in.take(data, begun)
	sign.Lacks = in.mend.mends(f)
	sign.Shaped = f.single && !f.Counts && !f.finished && f.nHoles <= passthrough.MostHoles
	if f.calls {
		sign.Lacks = in.calls.read(f.pieces) || sign.Lacks
		sign.Shaped = sign.Shaped && !in.calls.anew // the same words may be of another call next time
	}
	sign.Lacks = sign.Lacks || f.stops && in.calls.any()
	return sign
}

// take notes what the last event tells.
func (in *Inspector) take(data []byte, begun bool) passthrough.Sign {
	f := &in.last
	in.usage.Update(f.Usage)
	in.said += f.said
	in.finished = in.finished || f.finished
	if f.Counts {
		in.counted = in.finished
	}
	counts := f.Counts && !f.choices
	switch {
	case begun:
		return passthrough.Sign{Begins: true, Hidden: counts && in.HideUsage}
	case counts:
		return passthrough.Sign{Hidden: true} // no answer yet
	}
	err := f.disguised(data)
	if err == nil {
		err = finishFailure(f.finish)
	}
	if err == nil && f.finish == "stop" && !f.content {
		err = codec.Empty()
	}
	return passthrough.Sign{Begins: true, Err: err}
}

// Head implements passthrough.Inspector. Only images and audio are so large.
func (in *Inspector) Head(name, data []byte, begun bool) passthrough.Sign {
	if string(name) == "error" {
		return passthrough.Sign{Err: eventError(nil)}
	}
	f := &in.last
	f.again()
	_ = f.inspect(data) // it is cut off, so it always ends in an error
	if f.Failure != nil {
		return passthrough.Sign{Err: f.Failure}
	}
	f.content, f.choices = true, true // whatever is so large
	f.said = estimate.MediaTokens * estimate.CharactersPerToken
	return in.take(data, begun)
}

// Tail implements passthrough.Inspector. Usage and finish reason stand behind what makes an event large.
func (in *Inspector) Tail(data []byte) passthrough.Sign {
	if v := passthrough.EndMember(data, `"usage"`, 2); v.Present() {
		u, _ := codec.ReadUsage(data, v)
		in.usage.Update(u)
	}
	v := passthrough.EndMember(data, `"finish_reason"`, 3)
	in.finished = in.finished || v.Kind == rawjson.String && v.End-v.Start > len(`""`)
	return passthrough.Sign{}
}

// End implements passthrough.Inspector. An upstream may leave [DONE] out, but not both that and a finish reason.
func (in *Inspector) End(begun bool) (last string, err *codec.Error) {
	switch {
	case !begun:
		return "", codec.Empty()
	case in.finished:
		return "data: [DONE]\n\n", nil
	}
	return "", codec.CutShort()
}

// Failure implements passthrough.Inspector: a JSON error, a page or words in the place of the stream or in it. Behind a
// finish only an error matters.
func (in *Inspector) Failure(name, block []byte) *codec.Error {
	if string(name) == "error" {
		return eventError(bytes.TrimSpace(block))
	}
	e := foreignError(block)
	if in.finished && e.Raw == nil {
		return nil
	}
	return e
}

// foreignError is the error for a block that is not made of fields: a JSON error or a page in the place of the stream
// or in it.
func foreignError(block []byte) *codec.Error {
	var f findings
	err := f.inspect(block)
	switch {
	case f.Failure != nil:
		return f.Failure
	case err == nil:
		return codec.NoAnswer("the upstream sent a JSON object where an event stream was due")
	}
	return codec.NotAnAnswer(block)
}

// messageLimit is how much is kept of what an upstream says in words, in bytes.
const messageLimit = 4 << 10

// eventError reads the data of an "event: error".
func eventError(data []byte) *codec.Error {
	v, err := rawjson.One(data)
	if err != nil {
		if len(data) == 0 {
			return codec.NoAnswer("the upstream reported an error without a text")
		}
		return codec.NoAnswer(codec.Excerpt(string(data), messageLimit))
	}
	return codec.AnswerError(data, v)
}
